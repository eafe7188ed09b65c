"""Who waits for a container's orphans: what a command leaves behind becomes a child of the first process there.

Inits wait for every child, and so does a shell while it waits for a command; other programs wait for those that they
have started themselves, if at all. Seen in a PID namespace of each, with Debian 12's programs
(`tests/objects/test_reaping.py` tries those that a machine has):

first process                                          waits
tini, dumb-init, catatonit                             yes
dash, bash, busybox sh with more than one command      yes
`dash -c COMMAND`                                      yes: dash stays
`bash -c COMMAND`, `busybox sh -c COMMAND`             as COMMAND does: they become their last command
`exec COMMAND` in any shell                            as COMMAND does
python, node, java, perl, redis-server, sleep, timeout no
etcd, as any Go program                                no
pause, the first process with shareProcessNamespace    yes
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from crashy.objects import images, programs
from crashy.objects.pod import Container, PodTemplate

_DEBIANS = "dash"
_BECOME_THEIR_LAST = frozenset({"bash", "ash", "busybox"})
_SH = {"alpine": "busybox", "busybox": "busybox"}
"""What `sh` is in the images whose names say so; elsewhere it is Debian's."""
_BECOME = frozenset({"exec", "env", "nice", "ionice", "nohup", "su-exec", "gosu"})  # what they are given
_COMPOUND = frozenset(
    {"if", "then", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "(", ")", "trap"}
)
_BUILTIN = frozenset({":", "true", "false", "exit", "wait", "echo", "cd", "export", "test", "[", "read", "kill"})
_NEXT = frozenset({";", "&&"})
_JOINED = re.compile(r"[;&|()<>\n]+")


def waits(program: str) -> bool:
    """Return whether a program waits for children that it has not started, by its name or path.

    >>> waits("/usr/bin/tini"), waits("dash"), waits("python3.13"), waits("etcd")
    (True, True, False, False)
    """
    return programs.name(program) in programs.REAPERS | programs.SHELLS


def reaped(template: PodTemplate, container: Container) -> bool:
    """Return whether a container's orphans are surely waited for, as far as its manifest shows."""
    spec = template.raw.get("spec") or {}
    if template.share_process_namespace or spec.get("hostPID"):  # pause, and the node's init
        return True
    if not container.command:
        return images.is_patient(container.image)  # its image's first process is tini
    return waits(first_process((*container.command, *container.args), container.image))


def first_process(command: Sequence[str], image: str = "") -> str:
    """Return the name of the program that a command's first process ends up as; `sh` is the image's.

    >>> first_process(["sh", "-c", "sleep 1; app"]), first_process(["sh", "-c", "sleep 1; exec app"])
    ('dash', 'app')
    >>> first_process(["bash", "-c", "cd /srv && app"]), first_process(["bash", "-c", "app | tee log"])
    ('app', 'bash')
    """
    words = list(command)
    while words and programs.name(words[0]) in _BECOME:
        words = words[1:]
        while words and (words[0].startswith("-") or "=" in words[0]):
            words = words[1:]
    if not words:
        return ""
    shell = programs.name(words[0])
    if shell == "sh":
        shell = next((its for word, its in _SH.items() if word in image), _DEBIANS)
    script = programs.script(words)
    return _replaced(script, shell, image) if script is not None else shell


def _replaced(script: str, shell: str, image: str) -> str:
    """Return what a shell ends up as that runs a script."""
    try:
        lexer = shlex.shlex(script.strip().replace("\n", ";"), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:  # a quote that is never closed
        return shell
    commands: list[list[str]] = [[]]
    for word in words:
        if _JOINED.fullmatch(word) or (word in _COMPOUND and not commands[-1]):
            commands.append([])
        else:
            commands[-1].append(word)
    became = [one for one in commands if one[:1] == ["exec"] and len(one) > 1]
    if became:
        return first_process(became[-1], image)
    simple = not {word for word in words if word in _COMPOUND or (_JOINED.fullmatch(word) and word not in _NEXT)}
    last = next((one for one in reversed(commands) if one), [":"])
    becomes = simple and shell in _BECOME_THEIR_LAST and last[0] not in _BUILTIN
    return first_process(last, image) if becomes else shell
