"""The programs that the command of an exec probe or hook runs, as far as its text shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

Argv = tuple[str, ...]

REAPERS = frozenset({"tini", "tini-static", "docker-init", "dumb-init", "catatonit", "s6-svscan", "pause", "systemd"})
SHELLS = frozenset({"sh", "bash", "ash", "dash", "ksh", "zsh", "busybox"})
_WRAPPERS = frozenset(
    {"exec", "nice", "ionice", "nohup", "time", "env", "timeout", "sudo", "su-exec", "gosu", *REAPERS}
)
_OPERATORS = re.compile(r"[;&|()\n]+")

# Commands that contact nothing: what they look at stays the same while the app hangs.
BLIND = frozenset({"cat", "test", "[", "ls", "stat", "true", "echo", "find", "head", "tail", "pgrep", "pidof", "ps"})
# Commands that have no children, and so leave no orphans behind.
CHILDLESS = BLIND | {"touch", "rm", "grep", "sleep", "kill", "podcli"}

# Seconds that such a program takes to start when CPU is scarce, as an order of magnitude.
START_SECONDS = {
    "python": 0.5, "crashy": 0.2, "node": 0.5, "ruby": 0.5, "php": 0.3, "perl": 0.1, "java": 2.0, "dotnet": 1.0,
    "pwsh": 2.0, "nodetool": 3.0, "cqlsh": 2.0, "rabbitmqctl": 3.0, "rabbitmq-diagnostics": 3.0, "mongo": 1.0,
    "mongosh": 2.0, "kubectl": 0.5, "aws": 1.0, "gcloud": 2.0, "az": 2.0, "gradle": 5.0, "mvn": 5.0,
}  # fmt: skip

# Options of clients that name the host.
_HOSTS = {
    "redis-cli": ("-h",), "valkey-cli": ("-h",), "mysql": ("-h", "--host"), "mysqladmin": ("-h", "--host"),
    "mariadb": ("-h", "--host"), "mariadb-admin": ("-h", "--host"), "psql": ("-h", "--host"),
    "pg_isready": ("-h", "--host"), "mongo": ("--host",), "mongosh": ("--host",), "rabbitmqctl": ("-n",),
    "crashy": ("--http", "--tcp", "--redis", "--mysql"), "grpc_health_probe": ("-addr", "--addr"),
}  # fmt: skip
_BY_ARGUMENT = frozenset({"curl", "wget", "http", "nc", "ncat", "netcat", "ping", "mongo", "mongosh"})
_OWN_HOSTS = re.compile(r"localhost|127\..*|::1?|0\.0\.0\.0|.*\$.*", re.IGNORECASE)


def programs(command: Sequence[str]) -> tuple[Argv, ...]:
    """Return the commands that a command runs: those of a shell's script, without wrappers.

    >>> programs(["tini", "-s", "--", "redis-cli", "ping"])
    (('redis-cli', 'ping'),)
    >>> programs(["sh", "-c", "timeout 2 curl -f localhost/health || exit 1"])
    (('curl', '-f', 'localhost/health'), ('exit', '1'))
    """
    argv = _unwrapped(tuple(command))
    text = script(argv)
    if text is None:
        return (argv,) if argv else ()
    return tuple(one for words in _commands(text) for one in programs(words))


def name(program: str) -> str:
    """Return a program's name without folder and version: `/usr/bin/python3.7` is `python`.

    >>> name("/usr/bin/python3.7"), name("redis-cli"), name("[")
    ('python', 'redis-cli', '[')
    """
    base = program.rpartition("/")[2]
    if match := re.fullmatch(r"(python|ruby|php|perl|node|java)[\d.]*", base):
        return match[1]
    return "java" if base.startswith("kafka-") else base


def reaps(command: Sequence[str]) -> bool:
    """Return whether the first process of a command takes the orphans under it and reaps them."""
    return bool(command) and name(command[0]) in REAPERS


def shell(command: Sequence[str]) -> bool:
    """Return whether a command is given to a shell, which knows pipes and variables."""
    return script(_unwrapped(tuple(command))) is not None


def hosts(argv: Argv) -> Iterator[str]:
    """Return the hosts that a client contacts, other than the container itself.

    >>> list(hosts(("redis-cli", "-h", "redis", "ping"))), list(hosts(("curl", "-f", "http://localhost/health")))
    (['redis'], [])
    """
    for word in _addresses(argv):
        try:
            host = urlsplit(word if "//" in word else f"//{word}").hostname
        except ValueError:  # not a URL, so no host
            continue
        if host and not _OWN_HOSTS.fullmatch(host):
            yield host


def sleeps(command: Sequence[str]) -> float | None:
    """Return the seconds that a command does nothing but sleep; None if it is not known how long it takes.

    >>> sleeps(["sh", "-c", "sleep 5"]), sleeps(["nginx", "-s", "quit"])
    (5.0, None)
    """
    total = 0.0
    for argv in programs(command):
        if name(argv[0]) != "sleep" or len(argv) != 2 or not re.fullmatch(r"\d{1,9}(\.\d{1,9})?s?", argv[1]):
            return None
        total += float(argv[1].removesuffix("s"))
    return total


def _addresses(argv: Argv) -> Iterator[str]:
    program, words = name(argv[0]), argv[1:]
    for option in _HOSTS.get(program, ()):
        for index, word in enumerate(words):
            if word == option:
                yield from words[index + 1 : index + 2]
            elif option.startswith("--") and word.startswith(f"{option}="):
                yield word.removeprefix(f"{option}=")
            elif len(option) == 2 and word.startswith(option) and len(word) > 2:
                yield word[2:]
    if program in _BY_ARGUMENT:
        plain = [word for word in words if not word.startswith("-")]
        yield from (
            word for word in plain if "://" in word or (program in {"nc", "ncat", "netcat"} and word is plain[0])
        )


def _unwrapped(argv: Argv) -> Argv:
    while argv and name(argv[0]) in _WRAPPERS:
        wrapper, words = name(argv[0]), list(argv[1:])
        while words and (words[0].startswith("-") or (wrapper == "env" and "=" in words[0])):
            if words.pop(0) == "--":
                break
        if wrapper in {"timeout", "su-exec", "gosu"} and words:
            words.pop(0)
        argv = tuple(words)
    return argv


def script(argv: Sequence[str]) -> str | None:
    """Return the script that a shell is given with -c; None for another command."""
    if not argv or name(argv[0]) not in SHELLS:
        return None
    for index, word in enumerate(argv[1:-1], 1):
        if re.fullmatch(r"-[a-z]*c", word):
            return argv[index + 1]
    return None


def _commands(text: str) -> Iterator[Argv]:
    try:
        lexer = shlex.shlex(text.replace("\n", ";"), posix=True, punctuation_chars=True)
        words = list(lexer)
    except ValueError:  # a quote that is never closed
        words = text.split()
    one: list[str] = []
    for word in [*words, ";"]:
        if not _OPERATORS.fullmatch(word):
            one.append(word)
        elif one:
            yield tuple(one)
            one = []
