"""One run: what it verifies, where its results go, and what is known of it as a whole."""

import contextlib
import datetime as dt
import hashlib
import os
import platform
import re
import secrets
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dualstack import __version__
from dualstack.backend_names import NETNS
from dualstack.errors import UsageError
from dualstack.extensions import named_folders
from dualstack.manifest import Accepted, Known, Scope, Subject, joined, load_baseline, subjects_of
from dualstack.manifest.lines import line_of, lines_of
from dualstack.plan import EVERYTHING, SERVICE, PlannedCase, Selection, known_entries, plan_cases
from dualstack.requirement import Requirement, Role
from dualstack.runinfo import KnownInfo, RequirementInfo, RunInfo, ServiceInfo, TopologyInfo
from dualstack.sharding import Shard
from dualstack.topology import Topology, load_topology

RESULTS = "dualstack-results"
"""The folder in the working directory that results are written to."""

LATEST = "latest"
"""The link in that folder to the newest run that has a result."""


RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
"""The id of a run, which is the name of its folder: its start and four random hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class RunSession:
    """One run; each of its processes has its own copy.

    Attributes:
        id: The run's id: see `RUN_ID`.
        folder: The folder of its results.
        subjects: What it verifies.
        selection: What it is restricted to.
        strict: Whether a SHOULD counts like a MUST.
        lab: The kind of lab.
        baseline: The entries of its baselines.
        baselines: The files of its baselines.
        shard: The part of the planned cases that it runs; None for all of them.
        engines: The addresses of the container engines that its workers are spread over; empty for that of the
            environment.
    """

    id: str
    folder: Path
    subjects: tuple[Subject, ...]
    selection: Selection
    strict: bool
    lab: str = NETNS
    baseline: tuple[Accepted, ...] = ()
    baselines: tuple[Path, ...] = ()
    shard: Shard | None = None
    engines: tuple[str, ...] = ()

    def engine_of(self, worker: str) -> str:
        """Return the address of a worker's engine: they take turns by their numbers; empty for the environment's."""
        number = int("0" + "".join(filter(str.isdigit, worker)))
        return self.engines[number % len(self.engines)] if self.engines else ""

    def case_folder(self, case: PlannedCase) -> Path:
        """Return the folder of a case's evidence; it is made if it does not exist."""
        path = self.folder / "cases" / case.key.file_name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def describe(self, requirements: Mapping[str, Requirement], arguments: Sequence[str]) -> RunInfo:
        """Return what is known of the run as a whole before its first case."""
        topologies = {topology for item in requirements.values() for topology in item.topologies}
        return RunInfo(
            run=self.id,
            started=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            dualstack=__version__,
            git=_git_revision(),
            python=platform.python_version(),
            kernel=platform.release(),
            machine=f"{platform.machine()}, {os.cpu_count()} cores",
            lab=self.lab,
            arguments=tuple(arguments),
            strict=self.strict,
            shard=str(self.shard or ""),
            plans=self.selection.plans,
            baselines=tuple(map(str, self.baselines)),
            known=self._known(requirements.values()),
            subjects=tuple(map(_service_info, self.subjects)),
            topologies={name: _topology_info(load_topology(name)) for name in sorted(topologies)},
            requirements={item.id: _requirement_info(item) for item in requirements.values()},
        )

    def _known(self, requirements: Iterable[Requirement]) -> tuple[KnownInfo, ...]:
        """Return what a report says of the entries of the baselines, and of the expired entries of manifests."""
        cases = (case for item in requirements for case in plan_cases(item, self.subjects))
        counts = Counter(entry.place for case in cases if not case.not_applicable for entry in known_entries(case))
        own = [entry for subject in self.subjects for entry in subject.manifest.known]
        used = {entry.place for entry in own}
        expired = {entry.place: entry for entry in own if entry.has_expired and not isinstance(entry, Accepted)}
        return tuple(
            _known_info(entry, counts[entry.place] if entry.place in used else None)
            for entry in (*self.baseline, *expired.values())
        )

    def point_latest_here(self) -> None:
        """Make ``latest`` beside the run's folder a link to it; a run calls this when it has its first result.

        Raises:
            OSError: The link cannot be made, for example because a folder has that name.
        """
        beside = self.folder.parent / f".latest-{self.folder.name}"
        try:
            beside.symlink_to(self.folder.name)
            beside.replace(self.folder.parent / LATEST)
        except OSError:
            beside.unlink(missing_ok=True)
            raise

    def share(self) -> dict[str, str]:
        """Return what another process needs to open the same run: see `open_session`."""
        return {"id": self.id, "folder": str(self.folder)}


def _require_different_names(subjects: Sequence[Subject]) -> None:
    """Refuse two services of one name, which may be one manifest that is given twice.

    Raises:
        UsageError: There are two.
    """
    paths: dict[str, list[str]] = {}
    for subject in subjects:
        paths.setdefault(subject.name, []).append(str(subject.path))
    for name, own in sorted(paths.items()):
        if len(set(own)) < len(own):
            raise UsageError(f"{own[0]} is given twice; name each manifest once")
        if len(own) > 1:
            raise UsageError(f"two services are called {name!r} ({', '.join(own)}); change service.name in one of them")


def open_session(
    manifests: Sequence[Path],
    *,
    results: Path,
    configurations: Sequence[str] = (),
    selection: Selection = EVERYTHING,
    strict: bool = False,
    lab: str = NETNS,
    shared: Mapping[str, str] | None = None,
    baselines: Sequence[Path] = (),
    shard: Shard | None = None,
    engines: Sequence[str] = (),
) -> RunSession:
    """Open a new run, or with ``shared`` the run that another process has opened.

    Raises:
        UsageError: A manifest or baseline is wrong, two services have one name, or the folder cannot be written.
    """
    baseline = tuple(entry for path in baselines for entry in load_baseline(path))
    subjects = tuple(joined(item, baseline) for path in manifests for item in subjects_of(path, configurations))
    _require_different_names(subjects)
    if shared is not None:
        run, folder = shared["id"], Path(shared["folder"])
    else:
        run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        folder = results.resolve() / run
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be made: {error.strerror}; --results DIR names another place") from None
    session = RunSession(
        run, folder, subjects, selection, strict, lab, baseline, tuple(baselines), shard, tuple(engines)
    )
    latest = folder.parent / LATEST
    has_earlier = latest.is_symlink() and latest.exists()  # a run whose results the link must keep
    if shared is None and not has_earlier:
        try:
            session.point_latest_here()
        except OSError as error:
            folder.rmdir()
            raise UsageError(f"{latest}: cannot be made a link to the newest run: {error.strerror}") from None
    return session


def _git_revision() -> str:
    """Return the revision of the working directory's repository, empty outside one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, check=False, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def _service_info(subject: Subject) -> ServiceInfo:
    """Return what a report says of a service."""
    return ServiceInfo(
        name=subject.name,
        summary=subject.manifest.service.summary,
        manifest=str(subject.path),
        claims={item.name: tuple(family.value for family in item.families) for item in subject.elements},
        loopback=tuple(item.name for item in subject.listen if item.scope is Scope.LOOPBACK),
        roles=_roles(subject),
        command=shlex.join(subject.command or ()),
        digests=_digests(subject),
        lines=_lines(subject),
    )


def _digests(subject: Subject) -> dict[str, str]:
    """Return the SHA-256 of the manifest, and of each file in the service's folder that its command names."""
    found = {}
    paths = {subject.path.name: subject.path, **{word: subject.directory / word for word in subject.command or ()}}
    for name, path in paths.items():
        with contextlib.suppress(OSError, ValueError):  # a word that is no file
            if path.is_file():
                with path.open("rb") as file:
                    found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _lines(subject: Subject) -> dict[str, int]:
    """Return the line of the manifest on which the service and each of its parts begin, by their names."""
    try:
        lines = lines_of(subject.path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):  # it was changed after it was read
        return {}
    manifest = subject.manifest
    names = {
        "listen": [item.name for item in subject.listen],
        "connect": [item.name for item in manifest.connect],
        "relay": [item.name for item in manifest.relay],
    }
    parts = {name: line_of((table, at), lines) for table, found in names.items() for at, name in enumerate(found)}
    return {SERVICE: line_of(("service",), lines)} | parts


def _roles(subject: Subject) -> dict[str, str]:
    """Return the role of each listener, connector and relay of a service, by its name."""
    roles = {item.name: Role.LISTENER for item in subject.listen}
    roles |= {item.name: Role.CONNECTOR for item in subject.manifest.connect}
    roles |= {item.name: Role.RELAY for item in subject.relaying}
    return {name: role.value for name, role in roles.items()}


def _topology_info(topology: Topology) -> TopologyInfo:
    """Return what a report says of a topology."""
    return TopologyInfo(topology.title, topology.represents, topology.summary)


def _known_info(entry: Known, cases: int | None) -> KnownInfo:
    """Return what a report says of an entry that declares that cases fail."""
    about = f" of {entry.service}" if isinstance(entry, Accepted) else ""
    places = f" on {', '.join(entry.topologies)}" if entry.topologies else ""
    return KnownInfo(
        place=entry.place,
        about=f"{', '.join(entry.requirement)}{about}{places}",
        reason=entry.reason,
        owner=entry.owner,
        expires=entry.expires.isoformat() if entry.expires else "",
        expired=entry.has_expired,
        baseline=isinstance(entry, Accepted),
        cases=cases,
    )


def _requirement_info(requirement: Requirement) -> RequirementInfo:
    """Return what a report says of a requirement."""
    return RequirementInfo(
        title=requirement.title,
        level=requirement.level.value,
        role=requirement.role.value,
        baseline=requirement.baseline,
        statement=requirement.statement,
        stimulus=requirement.stimulus,
        wire=requirement.wire,
        cites=requirement.cites,
        causes=requirement.causes,
    )


def rerun_command(case: PlannedCase, lab: str = NETNS) -> str:
    """Return the shell command that runs one case alone, in the same kind of lab."""
    words = ["dualstack", "run", os.path.relpath(case.subject.path)]
    words += [word for folder in named_folders() for word in ("--suites", os.path.relpath(folder))]
    words += ["--lab", lab] if lab != NETNS else []
    words += ["--configuration", case.subject.configuration] if case.subject.configuration else []
    words += ["--requirement", case.requirement.id, "--topology", case.topology, "--element", case.element]
    return shlex.join(words)
