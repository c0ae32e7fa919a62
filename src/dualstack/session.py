"""One run: what it verifies, where its results go, and what is known of it as a whole."""

import datetime as dt
import os
import platform
import secrets
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dualstack import __version__
from dualstack.backend_names import NETNS
from dualstack.errors import UsageError
from dualstack.extensions import named_folders
from dualstack.manifest import Connect, Listen, Scope, Subject, subjects_of
from dualstack.plan import EVERYTHING, PlannedCase, Selection
from dualstack.requirement import Requirement
from dualstack.runinfo import RequirementInfo, RunInfo, ServiceInfo, TopologyInfo
from dualstack.topology import Topology, load_topology

RESULTS = "dualstack-results"
"""The folder in the working directory that results are written to."""

LATEST = "latest"
"""The link in that folder to the newest run that has a result."""


@dataclass(frozen=True, slots=True)
class RunSession:
    """One run; each of its processes has its own copy.

    Attributes:
        id: The run's id: its start and four random hexadecimal digits.
        folder: The folder of its results.
        subjects: What it verifies.
        selection: What it is restricted to.
        strict: Whether a SHOULD counts like a MUST.
        lab: The kind of lab.
    """

    id: str
    folder: Path
    subjects: tuple[Subject, ...]
    selection: Selection
    strict: bool
    lab: str = NETNS

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
            subjects=tuple(map(_service_info, self.subjects)),
            topologies={name: _topology_info(load_topology(name)) for name in sorted(topologies)},
            requirements={item.id: _requirement_info(item) for item in requirements.values()},
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


def open_session(
    manifests: Sequence[Path],
    *,
    results: Path,
    configurations: Sequence[str] = (),
    selection: Selection = EVERYTHING,
    strict: bool = False,
    lab: str = NETNS,
    shared: Mapping[str, str] | None = None,
) -> RunSession:
    """Open a new run, or with ``shared`` the run that another process has opened.

    Raises:
        UsageError: A manifest is wrong, two services have one name, or the results folder cannot be written.
    """
    subjects = tuple(subject for path in manifests for subject in subjects_of(path, configurations))
    names = [subject.name for subject in subjects]
    for name in sorted({name for name in names if names.count(name) > 1}):
        both = ", ".join(str(subject.path) for subject in subjects if subject.name == name)
        raise UsageError(f"two services are called {name!r} ({both}); change service.name in one of them")
    if shared is not None:
        run, folder = shared["id"], Path(shared["folder"])
    else:
        run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        folder = results.resolve() / run
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be made: {error.strerror}; --results DIR names another place") from None
    session = RunSession(run, folder, subjects, selection, strict, lab)
    latest = folder.parent / LATEST
    if shared is None and not (
        latest.is_symlink() and latest.exists()
    ):  # no earlier run has a result that the link must keep
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
    elements: tuple[Listen | Connect, ...] = (*subject.listen, *subject.manifest.connect)
    return ServiceInfo(
        name=subject.name,
        summary=subject.manifest.service.summary,
        manifest=str(subject.path),
        claims={item.name: tuple(family.value for family in item.families) for item in elements},
        loopback=tuple(item.name for item in subject.listen if item.scope is Scope.LOOPBACK),
    )


def _topology_info(topology: Topology) -> TopologyInfo:
    """Return what a report says of a topology."""
    return TopologyInfo(topology.title, topology.represents, topology.summary)


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
