"""What an image is on this machine: a container's own command, the one that its image is mapped to, or its stand-in."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from crashy.engines.images import is_proxy, plays, program
from crashy.engines.lab.folders import mounted
from crashy.objects.images import ImageCommand, ImageCommands, command_of, is_patient, name
from crashy.objects.pod import Container, PodTemplate
from crashy.patient import shell

# What follows one of these signs begins a command; keywords, and variables that are set for it, stand before it.
_BEGINS = re.compile(
    r"(?:^|[;&|({`!])\s*(?:(?:then|do|else|if|elif|while|until|exec)\s+)*(?:\w+=\S*\s+)*([\w./][\w./+-]*)", re.MULTILINE
)
_VARIABLE = re.compile(r"\$\([A-Z_][A-Z0-9_]*\)")  # Kubernetes replaces it before a shell could take it for a command
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|(?<!\S)#.*")
_BASES = frozenset({"busybox", "alpine", "debian", "ubuntu"})
_FUNCTION = re.compile(r"([\w-]+)\s*\(\)")
_SHELLS_OWN = frozenset(
    re.findall(
        r"\S+",
        "if then else elif fi do done while until for case esac in exec set trap export local return read cd wait eval "
        "shift unset source . break continue umask ulimit type command alias declare function let test true false exit",
    )
)
_FILE = re.compile(
    r"(?!-)[^=:\s]*\.(?:py|pl|rb|php|sh|js|mjs|cjs|ts|jar|war|dll|conf|cfg|cnf|ini|toml|ya?ml|json|properties|xml)"
)


def search_path() -> str:
    """Return the PATH, with this Python's folder in front: `python` and `crashy` are the lab's own."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def command(template: PodTemplate, container: Container, commands: ImageCommands) -> ImageCommand | None:
    """Return what a container runs; None for its image's stand-in. Empty words are the patient image's own program.

    Its manifest's command comes first, where this machine has what it names; then the command that the image is.
    As on a cluster, `args` follow the image's own program, and not those that came with a command. What a base
    image has not is an error, as on a cluster: it has no app to stand for. A script in it may wait for other apps.
    """
    own = program(container)
    mapped = command_of(container.image, commands)
    if mapped is None and plays(container):
        return ImageCommand((), "")
    if is_proxy(container):
        return ImageCommand(container.args, "")
    if is_patient(container.image):
        return ImageCommand((*container.command, *container.args) if container.command else (), "")
    bare = mapped is None and bool(own) and name(container.image) in _BASES and shell.script(own) is None
    if own and (container.command or mapped is None) and (bare or is_here(own, template, container)):
        return ImageCommand(own, "")
    if mapped:
        args = () if container.command else container.args
        return ImageCommand((*mapped.words, *args), mapped.folder)
    return None


def stands_in(template: PodTemplate, container: Container, commands: ImageCommands) -> bool:
    """Return whether a container's stand-in runs in its place."""
    return command(template, container, commands) is None


def is_here(words: Sequence[str], template: PodTemplate, container: Container) -> bool:
    """Return whether this machine has the programs that a command names, and the files that they are given to run.

    A path in a volume that the lab doesn't mount is none of this machine's.
    """
    path = search_path()
    named = [*_programs(words)]
    here = mounted(template)
    elsewhere = [re.escape(mount["mountPath"]) for mount in container.volume_mounts if mount["name"] not in here]
    if any(re.search(rf"(?<![\w./-]){folder}(?![\w.-])", word) for folder in elsewhere for word in words):
        return False
    return all(shutil.which(one[0], path=path) for one in named if one[0] not in _SHELLS_OWN) and not any(
        _missing(one, container) for one in named
    )


def _programs(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the programs that a command names, with their arguments where it can be read."""
    yield words[:1]
    script = shell.script(words)
    if script is None or shell.modelled(words):
        yield from shell.programs(words)
        return
    text = _QUOTED.sub("$", _VARIABLE.sub("$", script))
    own = _SHELLS_OWN | set(_FUNCTION.findall(text))
    yield from ([word] for word in _BEGINS.findall(text) if word not in own and not word.isdecimal())


def _missing(words: Sequence[str], container: Container) -> bool:
    """Return whether the first file that a program is given, or the folder of a `cd`, is an image's: not here."""
    given = [word for word, before in zip(words[1:], words, strict=False) if word[:1] != "-" and before != "-m"][:1]
    if not given or not (words[0] == "cd" or _FILE.fullmatch(given[0])):
        return False
    whole = PurePosixPath(container.working_dir or "/", given[0])
    in_volume = any(whole.is_relative_to(mount["mountPath"]) for mount in container.volume_mounts)
    return not in_volume and not Path(whole).exists()
