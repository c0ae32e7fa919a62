"""One run: what it verifies, where its results go, and what is written about it as a whole."""

import contextlib
import datetime as dt
import json
import os
import platform
import secrets
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dualstack import __version__
from dualstack.errors import HarnessError, UsageError
from dualstack.kinds import NETNS
from dualstack.manifest import Connect, Listen, Reach, Subject, subjects_of
from dualstack.plan import EVERYTHING, PlannedCase, Selection
from dualstack.requirement import Requirement
from dualstack.results import RUN
from dualstack.topology import load_topology

RESULTS = "dualstack-results"
"""The folder, in the working directory, that results go to."""

LATEST = "latest"
"""The link, in that folder, to the newest run that has a result."""


@dataclass(frozen=True, slots=True)
class RunSession:
    """One run, as each of its processes sees it.

    Attributes:
        id: The run's id: its start and four random digits.
        folder: Where its results go.
        subjects: What it verifies.
        selection: What it is restricted to.
        strict: Whether a SHOULD counts like a MUST.
        lab: What labs are made of.
    """

    id: str
    folder: Path
    subjects: tuple[Subject, ...]
    selection: Selection
    strict: bool
    lab: str = NETNS

    def case_folder(self, case: PlannedCase) -> Path:
        """Return (and make) the folder of a case's evidence."""
        path = self.folder / "cases" / _slug(case.id)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def describe(self, requirements: Mapping[str, Requirement], arguments: Sequence[str]) -> dict[str, Any]:
        """Return what is written about the run as a whole, before its first case."""
        topologies = {topology for item in requirements.values() for topology in item.topologies}
        worlds = [load_topology(name) for name in sorted(topologies)]
        return {
            "run": self.id,
            "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "dualstack": __version__,
            "python": platform.python_version(),
            "kernel": platform.release(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "lab": self.lab,
            "git": _git_revision(),
            "arguments": list(arguments),
            "strict": self.strict,
            "subjects": [_describe_subject(subject) for subject in self.subjects],
            "topologies": {item.name: item.model_dump(include={"title", "stands_for", "summary"}) for item in worlds},
            "requirements": {item.id: _describe_requirement(item) for item in requirements.values()},
        }

    def point_latest_here(self) -> None:
        """Make ``latest`` beside the run's folder a link to it; a run replaces the link when it has its first result.

        Raises:
            OSError: It cannot, for example because a folder has that name.
        """
        beside = self.folder.parent / f".latest-{self.folder.name}"
        try:
            beside.symlink_to(self.folder.name)
            beside.replace(self.folder.parent / LATEST)
        except OSError:
            beside.unlink(missing_ok=True)
            raise

    def write(self, description: Mapping[str, Any]) -> None:
        """Write what is known about the run as a whole; the file is replaced in one step.

        Raises:
            HarnessError: It cannot be written, for example because the disk is full.
        """
        path = self.folder / RUN
        beside = path.with_suffix(".new")
        text = json.dumps(description, indent=1, ensure_ascii=False)
        try:
            beside.write_text(text, encoding="utf-8", errors="backslashreplace")
            beside.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None

    def share(self) -> dict[str, str]:
        """Return what another process needs to open the same run."""
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
    """Open a run, new or (``shared``) one that another process opened.

    Raises:
        UsageError: A manifest is wrong, two services have one name, or the results folder cannot be written.
    """
    subjects = tuple(subject for path in manifests for subject in subjects_of(path, configurations))
    names = [subject.name for subject in subjects]
    for name in sorted({name for name in names if names.count(name) > 1}):
        both = ", ".join(str(subject.path) for subject in subjects if subject.name == name)
        raise UsageError(f"two services are called {name!r} ({both}); give one another service.name")
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
    if shared is None and not (latest.is_symlink() and latest.exists()):  # no run before it has a result to be kept
        try:
            session.point_latest_here()
        except OSError as error:
            folder.rmdir()
            raise UsageError(f"{latest}: cannot be made a link to the newest run: {error.strerror}") from None
    return session


def _slug(text: str) -> str:
    """Return a file name for a case's id."""
    return "".join(char if char.isalnum() or char in "._-" else "_" for char in text)


def _git_revision() -> str:
    """Return the revision of the working directory's repository, empty outside one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, check=False, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def _describe_subject(subject: Subject) -> dict[str, Any]:
    """Return what a report says of a service."""
    elements: tuple[Listen | Connect, ...] = (*subject.listen, *subject.manifest.connect)
    return {
        "name": subject.name,
        "summary": subject.manifest.service.summary,
        "manifest": str(subject.path),
        "claims": {item.name: [family.value for family in item.families] for item in elements},
        "loopback": [item.name for item in subject.listen if item.reach is Reach.LOOPBACK],
    }


def _describe_requirement(requirement: Requirement) -> dict[str, Any]:
    """Return what a report says of a requirement."""
    return {
        "id": requirement.id,
        "title": requirement.title,
        "level": requirement.level.value,
        "role": requirement.role.value,
        "plain": requirement.plain,
        "statement": requirement.statement,
        "stimulus": requirement.stimulus,
        "wire": requirement.wire,
        "cites": list(requirement.cites),
        "causes": list(requirement.causes),
    }


def rerun_command(case: PlannedCase, lab: str = NETNS) -> str:
    """Return the command that runs one case alone, in the same kind of lab."""
    words = ["dualstack", "run", os.path.relpath(case.subject.path)]
    words += ["--lab", lab] if lab != NETNS else []
    words += ["--configuration", case.subject.configuration] if case.subject.configuration else []
    words += ["--requirement", case.requirement.id, "--topology", case.topology]
    words += ["--element", case.element]
    return shlex.join(words)
