"""Starting a service: what its manifest says, made into a program on a lab's host."""

import dataclasses
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dualstack.errors import HostCannot, UsageError
from dualstack.families import Family
from dualstack.kinds import DOCKER, NETNS
from dualstack.manifest import Connect, Subject, Transport
from dualstack.manifest.faults import Fault
from dualstack.manifest.lines import Key
from dualstack.manifest.placeholders import fill
from dualstack.manifest.subject import filled
from dualstack.prober.messages import Await, Launch, Limits
from dualstack.rootfs import find_root
from dualstack.shown import shown_folders

SCRATCH = "/dev/shm/dualstack"  # noqa: S108 - a private tmpfs in the host's own mount namespace
"""The private folder of a start on a host, where there is only one; several take it as the beginning of their names."""

ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of a program in a root file system of its own."""

_MOST_LINKS = 40
"""How many symbolic links a path may lead through, as for the kernel."""


def root_of(subject: Subject) -> str:
    """Return the private Debian root file system that the service needs, or nothing.

    Raises:
        HostCannot: It has not been built yet.
    """
    packages = subject.manifest.service.packages
    if not packages:
        return ""
    root = find_root(packages)
    if root is None:
        raise HostCannot(
            f"{subject.name} needs a private Debian root file system with {', '.join(packages)}; "
            f"build it once: dualstack rootfs build {subject.path}"
        )
    return str(root)


def environment_of(root: str, scratch: str) -> dict[str, str]:
    """Return the variables that every program gets: of the user's own, only PATH is passed on."""
    path = ROOT_PATH if root else os.environ.get("PATH", os.defpath)
    return {"PATH": path, "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}


def launch_service(
    subject: Subject,
    scratch: str,
    *,
    af_inet6: bool,
    binds: Mapping[str, str] | None = None,
    acls: Mapping[str, str] | None = None,
    contained: bool = False,
) -> Launch:
    """Return how the service is launched.

    Args:
        subject: The service.
        scratch: The private folder of this start, made on the host.
        af_inet6: Whether socket(AF_INET6) exists for it.
        binds: What ``{bind}`` stands for, by listener, where it is not the default.
        acls: What ``{acl}`` stands for, by listener, where it is not that everybody is served.
        contained: Whether it runs in its container image.

    Raises:
        HostCannot: Its root file system has not been built.
        UsageError: It has no command for this kind of lab.
    """
    if not contained and not subject.command:
        raise UsageError(f"{subject.path}:\n  service.command: missing; as an image it runs with --lab docker only")
    values = subject.values(scratch=scratch, binds=binds, acls=acls, contained=contained)
    command = subject.image_command if contained else subject.command or ()
    launch = Launch(
        command=tuple(filled(command, values)),
        directory="",
        environment={key: fill(text, values) for key, text in subject.environment.items()},
        scratch=scratch,
        files={name: fill(text, values) for name, text in subject.files.items()},
        af_inet6=af_inet6,
        limits=limits_of(subject),
    )
    return _placed(launch, subject, contained=contained)


def launch_reload(subject: Subject, started: Launch, command: Sequence[str], *, contained: bool = False) -> Launch:
    """Return how the command is launched that makes a service read its configuration again.

    Args:
        subject: The service.
        started: How it was launched; the command has the same scratch folder and variables.
        command: The command, with its placeholders.
        contained: Whether it runs in its container image.
    """
    values = subject.values(scratch=started.scratch, contained=contained)
    return dataclasses.replace(started, command=tuple(filled(command, values)), files={}, input="")


def _placed(launch: Launch, subject: Subject, *, contained: bool) -> Launch:
    """Return the launch with the place where it happens: an image, a root file system, or this machine."""
    image = subject.image_table
    if contained and image is not None:
        return dataclasses.replace(
            launch,
            image=subject.image,
            directory=subject.image_directory,
            read_only=image.read_only,
            tmpfs=tuple(image.tmpfs),
        )
    root = root_of(subject)
    environment = environment_of(root, launch.scratch) | launch.environment
    folders = shown_folders(subject.directory, subject.path, (*launch.command, *environment.values()))
    directory = str(subject.directory)
    return dataclasses.replace(launch, root=root, directory=directory, environment=environment, folders=folders)


def launch_connector(
    subject: Subject,
    connector: Connect,
    scratch: str,
    *,
    host: str,
    target: str,
    af_inet6: bool,
    contained: bool = False,
) -> Launch:
    """Return how a connector's command is launched towards ``host`` (bare) or ``target`` (with its port)."""
    values = {"host": host, "port": str(connector.port), "target": target}
    others = subject.values(scratch=scratch, contained=contained)
    values |= {key: text for key, text in others.items() if key not in values}
    own = {**subject.environment, **connector.environment}
    launch = Launch(
        command=tuple(filled(connector.command, values)),
        directory="",
        environment={key: fill(text, values) for key, text in own.items()},
        scratch=scratch,
        af_inet6=af_inet6,
        input=connector.input or "",
        limits=limits_of(subject),
    )
    return _placed(launch, subject, contained=contained)


def limits_of(subject: Subject) -> Limits:
    """Return what a program of the service may use."""
    return Limits(**subject.manifest.limits.model_dump())


def readiness_of(subject: Subject, families: Sequence[Family] = ()) -> Await:
    """Return what makes the service ready.

    Args:
        subject: The service.
        families: The families that its first port is expected to serve; waiting for the last of them is bounded.
    """
    ready = subject.manifest.ready
    first = subject.listen[0] if subject.listen and ready.listening else None
    return Await(
        port=first.port if first else 0,
        transport=first.transport if first else Transport.TCP,
        log=ready.log,
        timeout=subject.manifest.timeouts.ready,
        families=tuple(families),
    )


def missing_programs(subject: Subject) -> Iterator[Fault]:
    """Yield each command of the manifest whose program does not exist.

    Raises:
        HostCannot: The root file system in which it runs is not built yet.
    """
    commands: list[tuple[Key, Sequence[str]]] = [
        (("connect", position, "command"), item.command) for position, item in enumerate(subject.manifest.connect)
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
            yield Fault(key, f"found {word!r}, {problem}")


def _why_not_runnable(program: str, directory: Path, root: str) -> str:
    """Return why ``program`` cannot be executed, or nothing."""
    if "/" in program:
        path = directory / program
        inside = _resolved(root, program) if root and program.startswith("/") else path
        found = next((item for item in (path, inside) if item.exists()), None)
        if found is None:
            return f"no such file ({path})"
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
    """Return where a path inside a root file system really is: absolute links in it lead to its own files."""
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
    """Yield why a subject cannot run in a kind of lab; without one, in any kind."""
    if lab == DOCKER and not subject.image:
        yield Fault(("image",), "missing; --lab docker runs images: name one, or a folder to build it from")
    if lab == NETNS and subject.listen and not subject.command:
        yield Fault(("service", "command"), "missing; as an image it runs with --lab docker only")
