"""A program that listens: it is started once to find its ports, then on each kind of host."""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dualstack.backend_names import DOCKER, NETNS
from dualstack.casework import provide_images
from dualstack.complaint import why
from dualstack.deadline import Deadline
from dualstack.errors import UsageError
from dualstack.facts.log import own_collision
from dualstack.lab.backends import make_backend
from dualstack.lab.netns import prepared_supervisors
from dualstack.lab.protocol import Backend
from dualstack.lab.proving import prove
from dualstack.manifest import Subject, subjects_of
from dualstack.prober.unixsockets import ENTRY, receive
from dualstack.service import SCRATCH, launch_service
from dualstack.survey import Observation, survey
from dualstack.topology import load_topology
from dualstack.transport import Transport
from dualstack.trying.drafting import server_manifest
from dualstack.trying.ports import OpenPort, await_ports, open_ports
from dualstack.trying.speaking import SILENT, Spoken, recognise

_ORDINARY = "dual-stack"
"""The topology on which its ports are found."""

_PATIENCE = 5
"""On other kinds of hosts it may take so many times as long to open its ports."""

_LABS = 2
"""Labs at the same time."""

_LEAST_READY = 3.0
"""Seconds that it may take at least."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found out about a program that listens.

    Attributes:
        ports: Its ports on an ordinary dual-stack host, and what it speaks on each.
        seen: What it did on each kind of host, for each port that can be tried.
        ended: How it ended if it opened no port; empty if it has one.
        output: The lines of its output that say why.
    """

    ports: Mapping[OpenPort, Spoken]
    seen: tuple[Observation, ...]
    ended: str = ""
    output: tuple[str, ...] = ()


def try_server(
    command: Sequence[str],
    directory: Path,
    folder: Path,
    *,
    wait: float,
    told: Callable[[str], object],
    image: str = "",
    packages: Sequence[str] = (),
) -> Tried:
    """Find out what a program that listens does on each kind of host.

    Args:
        command: Its command.
        directory: The folder in which it runs.
        folder: A folder for temporary files.
        wait: The seconds within which it must open a port.
        told: Takes a sentence about what is done now.
        image: The container image that it runs in, on the Docker lab; with an empty command the image's own.
        packages: The Debian packages of the root file system that it runs in, which is built.

    Raises:
        UsageError: The command cannot be executed, or there is no such image.
        HostCannot: This machine cannot make a lab.
    """
    path = folder / "service.toml"
    draft = partial(server_manifest, command, directory, path, image=image, packages=packages)
    path.write_text(draft({_PLACEHOLDER: SILENT}, ready=wait), encoding="utf-8")
    run = f"try-{secrets.token_hex(4)}"
    kind = DOCKER if image else NETNS
    if image:
        told("preparing the image")
        _provide(run, subjects_of(path))
    with prepared_supervisors(0 if image else 1 + _LABS, lean=False):
        backend = make_backend(kind, run, "ports")
        try:
            told("starting it on a dual-stack host")
            tried, seconds = _find(backend, subjects_of(path)[0], wait)
        finally:
            backend.close()
        dialled = {port: spoken for port, spoken in tried.ports.items() if is_dialled(port, spoken)}
        if not dialled:
            return tried
        ready = max(_LEAST_READY, _PATIENCE * seconds)
        path.write_text(draft(dialled, ready=ready), encoding="utf-8")
        told("starting it on every other kind of host")
        return Tried(tried.ports, tuple(survey(subjects_of(path), labs=_LABS, run=run, kind=kind)))


def _provide(run: str, subjects: Sequence[Subject]) -> None:
    """Provide the image.

    Raises:
        UsageError: There is no such image; the message does not name the temporary manifest.
    """
    try:
        provide_images(run, subjects)
    except UsageError as error:
        raise UsageError(f"--image: {str(error).partition('image.name: ')[2] or error}") from None


def is_dialled(port: OpenPort, spoken: Spoken) -> bool:
    """Return whether a port can be tried: over TCP always, over UDP if what it speaks is known."""
    return port.transport is Transport.TCP or spoken != SILENT


_PLACEHOLDER = OpenPort(Transport.TCP, 1, ())
"""The port of the manifest with which ports are looked for: manifests need one."""


def _find(backend: Backend, subject: Subject, wait: float) -> tuple[Tried, float]:
    """Return what a program does on an ordinary host, and how long it took to open its ports."""
    lab = backend.up(load_topology(_ORDINARY))
    try:
        prove(lab)
        host = lab.hosts[lab.topology.roles.service]
        program = host.start(launch_service(subject, SCRATCH, af_inet6=True, contained=backend.name == DOCKER))
        try:
            opened = await_ports(host, program, wait)
            found = {port: recognise(lab, port, program) for port in opened.ports}
            now = {port.place: port for port in open_ports(host)}  # it may have opened more meanwhile
            found = {now.pop(port.place, port): spoken for port, spoken in found.items()}
            found |= {port: recognise(lab, port, program) for port in now.values()}
            how, output = program.poll(), program.log().text
            local = () if found else receive(host.inside(ENTRY))
        finally:
            program.stop("SIGTERM", Deadline(subject.manifest.timeouts.stop, "the program to stop"))
    finally:
        lab.close()
    if found:
        return Tried(found, ()), opened.seconds
    ended = f"it {how}" if how else f"it opened no port within {wait:g} s (--wait gives it more time)"
    if local:
        ended += f", but listens on {', '.join(local)}, a Unix socket: no client on a network reaches that"
    return Tried({}, (), f"{ended}{own_collision(output) if how else ''}", tuple(why(output, 5))), 0.0


_REFUSED = re.compile(r"(?i)read-only file system|permission denied|\bEROFS\b|\bEACCES\b")
"""What a program says when it may not write to a file."""

_MACHINES = re.compile(r"/(?:etc|opt|srv|usr|var/(?!tmp/|run/)\w+)/[\w./+@-]*[\w]")
"""A file of the machine that a program in a lab may at most read."""


def unwritable_files(output: Iterable[str]) -> list[str]:
    """Return the files of the machine to which a program may not write in a lab, as its output says."""
    found = [match[0] for line in output if _REFUSED.search(line) for match in _MACHINES.finditer(line)]
    return list(dict.fromkeys(found))


def hidden_files(command: Sequence[str], directory: Path, output: Iterable[str]) -> list[str]:
    """Return the files of a command that its output names, and that it does not see inside a lab."""
    outside = [word for word in command if Path(word).is_absolute() and not Path(word).is_relative_to(directory)]
    return [word for word in outside if Path(word).exists() and any(word in line for line in output)]
