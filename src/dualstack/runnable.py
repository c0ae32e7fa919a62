"""Whether the programs of a manifest can run: with a backend, and as files of this machine or of a root file system."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from dualstack.backend_names import DOCKER, NETNS
from dualstack.manifest import Subject
from dualstack.manifest.faults import Fault
from dualstack.manifest.lines import Key
from dualstack.manifest.texts import fill
from dualstack.service import ROOT_PATH, root_of

_MOST_LINKS = 40
"""The maximum number of symbolic links in a path, as in the kernel."""


def missing_programs(subject: Subject) -> Iterator[Fault]:
    """Yield a fault for each command of the manifest whose program does not exist.

    Raises:
        HostCannot: Its root file system has not been built.
    """
    commands: list[tuple[Key, Sequence[str]]] = [
        ((table, position, "command"), item.command)
        for table in ("connect", "component")
        for position, item in enumerate(getattr(subject.manifest, table))
        if item.command
    ]
    if subject.command:
        own: list[Key] = [
            ("configuration", position, "command")
            for position, item in enumerate(subject.manifest.configuration)
            if item.name == subject.configuration and item.command
        ]
        commands.append(((own or [("service", "command")])[0], subject.command))
    root = root_of(subject)
    values = subject.values(scratch=str(subject.directory))
    for key, command in commands:
        word = fill(command[0], values)
        if problem := _why_not_runnable(word, subject.directory, root):
            yield Fault(key, f"{word!r}: {problem}")


def _why_not_runnable(program: str, directory: Path, root: str) -> str:
    """Return why ``program`` cannot be executed; empty if it can."""
    if "/" in program:
        path = directory / program
        inside = _resolved(root, program) if root and program.startswith("/") else path
        found = next((item for item in (path, inside) if item.exists()), None)
        if found is None:
            return "no such file" if program.startswith("/") else f"no such file in {directory}"
        if found.is_dir():
            return f"a folder, not a program ({found})"
        return "" if os.access(found, os.X_OK) else f"not executable: chmod +x {found}"
    if root:
        candidates = (_resolved(root, f"{folder}/{program}") for folder in ROOT_PATH.split(":"))
        found_in = any(item.is_file() and os.access(item, os.X_OK) for item in candidates)
    else:
        found_in = shutil.which(program) is not None
    if found_in:
        return ""
    place = "the private Debian root file system" if root else "PATH"
    return f'not in {place}; give a path ("./{program}"), or name its Debian package in service.packages'


def _resolved(root: str, path: str) -> Path:
    """Resolve the symbolic links of a path; absolute links stay inside the root file system."""
    rest, here = Path(path).parts[1:], Path(root)
    for _ in range(_MOST_LINKS):
        for number, part in enumerate(rest):
            if (here / part).is_symlink():
                target = (here / part).readlink()
                here = Path(root) if target.is_absolute() else here
                rest = (*(item for item in target.parts if item != "/"), *rest[number + 1 :])
                break
            here = here.parent if part == ".." and here != Path(root) else here / part
        else:
            return here
    return Path(root, path.lstrip("/"))


def unfit(subject: Subject, lab: str) -> Iterator[Fault]:
    """Yield why a subject cannot run with this backend; with an empty ``lab``, with any backend."""
    if lab == DOCKER and not subject.image:
        yield Fault(("image",), "missing; --lab docker needs an image: name one, or a folder to build it from")
    if lab == NETNS and subject.listen and not subject.command:
        yield Fault(("service", "command"), "missing; as an image it runs with --lab docker only")
    for position, item in enumerate(subject.manifest.component):
        if lab == NETNS and not item.command:
            text = f"missing; component {item.name} is an image, which runs with --lab docker only"
            yield Fault(("component", position, "command"), text)
