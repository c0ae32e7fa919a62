"""The work of a run around its cases: it prepares the services, and completes records from worlds."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dualstack.backend_names import DOCKER
from dualstack.build import build
from dualstack.causes import OWN_CAUSES_ONLY, likely
from dualstack.errors import DualstackError, HarnessError, HostCannot, UsageError
from dualstack.facts import once, sentences
from dualstack.lab.netns import NetnsBackend
from dualstack.lab.protocol import Backend
from dualstack.language import language_of
from dualstack.manifest import Subject
from dualstack.manifest.faults import Fault, refusal
from dualstack.plan import START, plan_cases
from dualstack.results import Record
from dualstack.runinfo import RunInfo
from dualstack.runnable import missing_programs, unfit
from dualstack.session import RunSession
from dualstack.startup import Faults
from dualstack.suites import check_entries, requirement, requirements
from dualstack.timeline import span
from dualstack.verdict import SPEAKS, Verdict
from dualstack.wire.expect import families_of_flow
from dualstack.wire.formatting import packets
from dualstack.world import StartWorld, World
from dualstack.world.elsewhere import stations_of
from dualstack.world.facts import facts_of
from dualstack.world.races import charts_of
from dualstack.world.unattempted import unattempted

if TYPE_CHECKING:
    from dualstack.lab.docker.backend import DockerBackend


def prepare(session: RunSession, arguments: Sequence[str | os.PathLike[str]], command: str = "") -> RunInfo:
    """Build the services, check that their programs exist, and describe the run.

    Args:
        session: The run.
        arguments: The arguments of pytest.
        command: The command line that started the run; empty if it was pytest.

    Raises:
        UsageError: A service cannot be built, or its program does not exist; the message names every fault.
        HostCannot: This machine does not support the backend.
    """
    faults: dict[Path, list[Fault]] = {item.path: [] for item in session.subjects}
    for subject in session.subjects:
        faults[subject.path] += unfit(subject, session.lab)
    with builder(session.lab) as build_service:
        for subject in session.subjects:
            try:
                build_service(subject)
                if session.lab != DOCKER:
                    faults[subject.path] += missing_programs(subject)
            except HostCannot:
                continue  # each of its cases reports it, and what to do
    if any(faults.values()):
        raise UsageError("\n".join(str(refusal(path, found)) for path, found in faults.items() if found))
    check_entries(session.subjects)
    info = session.describe(requirements(), [str(item) for item in arguments])
    info = dataclasses.replace(info, command=command)
    if session.lab == DOCKER:
        engine, images = provide_on_each(session.engines, session.id, session.subjects)
        info = dataclasses.replace(info, engine=engine, images=images)
    info.write(session.folder)
    return info


@contextmanager
def builder(lab: str) -> Iterator[Callable[[Subject], None]]:
    """Yield a function that builds a service for a kind of lab, once for each manifest; see `build.build`."""
    backend = NetnsBackend()
    built: set[Path] = set()

    def build_service(subject: Subject) -> None:
        if _is_built_here(subject, lab) and subject.path not in built:
            build(subject, backend)
            built.add(subject.path)

    try:
        yield build_service
    finally:
        backend.close()


def _is_built_here(subject: Subject, lab: str) -> bool:
    """Return whether the build commands are needed; not for an image that is pulled or has a Dockerfile."""
    image = subject.image_table
    return bool(subject.manifest.service.build) and (lab != DOCKER or (image is not None and image.is_assembled))


def provide_on_each(engines: Sequence[str], run: str, subjects: Sequence[Subject]) -> tuple[str, dict[str, str]]:
    """Provide every image on each engine; return their versions, and each image's ids by service.

    Raises:
        UsageError: An image does not exist or cannot be built.
        HostCannot: An engine does not answer, or lacks a feature.
    """
    if not engines:
        return provide_images(run, subjects)
    for address in engines:  # all must answer before anything is built on one
        connect_to(address)
    found = [(address, *provide_images(run, subjects, address)) for address in engines]
    images = {name: ", ".join(dict.fromkeys(made[name] for _, _, made in found)) for name in found[0][2]}
    return "; ".join(f"{address}: {version}" for address, version, _ in found), images


def connect_to(address: str) -> None:
    """Connect to an engine and close the connection.

    Raises:
        HostCannot: It does not answer, or may not be used.
    """
    from dualstack.lab.docker.engine import connect  # noqa: PLC0415 - loads the SDK

    connect(address).close()


def provide_images(run: str, subjects: Sequence[Subject], address: str = "") -> tuple[str, dict[str, str]]:
    """Provide every image that these services need; return the engine's version, and each image's id by service.

    Raises:
        UsageError: An image does not exist or cannot be built.
        HostCannot: There is no container engine, or it lacks a feature.
    """
    from dualstack.lab.docker.backend import DockerBackend  # noqa: PLC0415 - loads the SDK
    from dualstack.lab.docker.images import build_folder, named_image  # noqa: PLC0415 - loads the SDK

    backend = DockerBackend(run, address=address)
    try:
        backend.prepare()
        made: dict[str, str] = {}
        for subject in subjects:
            if subject.image not in made:
                made[subject.image] = _provide(backend, subject)
            for position, component in enumerate(subject.manifest.component):
                where = f"{subject.path}:\n  component[{position}]"
                if component.image:
                    named_image(backend.engine, component.image, f"{where}.image")
                elif component.build:
                    built = component.build, component.dockerfile
                    build_folder(backend.engine, built, subject.directory, subject.image_of(component), where)
        images = {subject.name: made[subject.image] for subject in subjects}
        return f"{backend.engine.version} (API {backend.engine.api_version})", images
    finally:
        backend.close()


def _provide(backend: "DockerBackend", subject: Subject) -> str:
    """Pull or build a service's image; return its id."""
    from dualstack.rootfs.images import packages_image  # noqa: PLC0415 - loads the SDK

    image = subject.image_table
    assert image is not None  # noqa: S101 - `unfit` has rejected it
    if image.packages:
        base = packages_image(backend.engine, image.packages, subject.path)
        image = image.model_copy(update={"base": base, "packages": []})
    return backend.provide(image, subject.image, subject.directory, str(subject.path))


def start_of(subject: Subject, backend: Backend, session: RunSession) -> Faults:
    """Return why parts of a service do not start on a dual-stack host; empty if they start, or if this is unknown."""
    case = next(iter(plan_cases(requirement(START), [subject])))
    world = StartWorld(case, backend, session.case_folder(case))
    if case.not_applicable:
        return {}
    try:
        with world:
            world.require_start()
            world.wire()
    except DualstackError:
        return {}
    return world.faults


def complete(record: Record, world: World, folder: Path) -> Record:
    """Return the record with the evidence of its world."""
    record = dataclasses.replace(
        record,
        works=dict(world.works),
        steps=tuple(world.journal.steps),
        findings=tuple(world.findings),
        sockets=world.journal.sockets,
        queries=tuple(world.journal.queries),
        log=world.journal.output,
        component_logs=world.journal.component_output,
        command=world.journal.command,
        seconds=round(world.journal.seconds, 4),
        waited=round(world.journal.waited, 4),
        measures=tuple(world.measures),
    )
    if record.verdict is Verdict.INCONCLUSIVE:
        record = dataclasses.replace(record, reason=record.reason + unattempted(world))
    record = _explained(record, world)
    wire = world.captured
    if wire is None:
        return record
    ports = world.ports
    began = time.time() - world.journal.seconds  # packets carry the time of day
    when = span(record.steps, record.findings)
    try:
        return dataclasses.replace(
            record,
            packets=packets(wire, ports, since=began, host=world.host.name, when=when),
            families=tuple(family.value for family in families_of_flow(wire, ports[0], world.element.transport)),
            capture=str(wire.path.relative_to(folder)),
            charts=charts_of(world, wire),
            stations=stations_of(world.host, world.elsewhere, ports, since=began, folder=folder, when=when),
        )
    except (HarnessError, ValueError) as error:
        return dataclasses.replace(record, unreadable=str(error))


def _explained(record: Record, world: World) -> Record:
    """Return the record with its facts, and the causes that they show; without causes if its verdict needs none."""
    if record.verdict not in SPEAKS:
        return dataclasses.replace(record, causes=())
    facts = facts_of(world)
    found = likely(record.causes, facts)
    if not found and record.requirement in OWN_CAUSES_ONLY:
        return dataclasses.replace(record, causes=())
    because = [f"{item.because[:1].upper()}{item.because[1:]}." for item in found if item.because][:1]
    return dataclasses.replace(
        record,
        causes=tuple(item.code for item in found),
        facts=once([*because, *sentences(facts, explained=bool(found))]),
        language=language_of(world.subject, world.case.element, contained=world.contained),
    )
