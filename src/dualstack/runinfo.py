"""What is known of a run as a whole: run.json, which is written before the first case and again at the end."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dualstack.errors import HarnessError
from dualstack.results import RUN, SCHEMA


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service that the run verifies.

    Attributes:
        name: Its name, with its configuration: ``nginx/both``.
        summary: What its manifest says that it is; may be empty.
        manifest: The manifest's file.
        claims: The families that each listener and connector claims.
        loopback: The listeners that claim to serve clients on their own host only.
        roles: The role of each listener, connector and relay, by its name: ``listener``.
        command: How it is started, as a shell line with placeholders; empty for an image's own command.
        digests: The SHA-256 of its manifest and of the files in its folder that the command names, by their names.
        lines: The line of the manifest on which each of them begins, by its name; that of the service is ``service``.
    """

    name: str
    summary: str = ""
    manifest: str = ""
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    loopback: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TopologyInfo:
    """A topology, as its file describes it.

    Attributes:
        title: Its name as a person writes it.
        represents: The kind of host that the service is on, as in ``on an IPv6-only host``; may be empty.
        summary: What it is like.
    """

    title: str = ""
    represents: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class RequirementInfo:
    """A requirement, as it is declared: see `Requirement`."""

    title: str = ""
    level: str = ""
    role: str = ""
    baseline: bool = False
    statement: str = ""
    stimulus: str = ""
    wire: str = ""
    cites: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownInfo:
    """An entry that declares that cases fail: one of a baseline, or an expired one of a manifest.

    Attributes:
        place: The file and the line: ``/srv/shop/baseline.toml:12``.
        about: What it is about: ``LISTEN-005 of shop/ipv4``.
        reason: Its reason.
        owner: Who fixes it; may be empty.
        expires: Its last day, ``2030-01-01``; empty without one.
        expired: Whether that day was over when the run began.
        baseline: Whether it is one of a baseline.
        cases: How many cases of the run's services it matches that apply, also of those that the run left out; None if
            it is about other services only.
    """

    place: str
    about: str = ""
    reason: str = ""
    owner: str = ""
    expires: str = ""
    expired: bool = False
    baseline: bool = False
    cases: int | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What was run, where and with which versions, and how it ended.

    Attributes:
        run: The run's id.
        started: When it began, ISO 8601 in UTC.
        dualstack: The version of dualstack.
        git: The revision of the working directory's repository; empty outside one.
        python: The version of Python.
        kernel: The kernel's release.
        machine: The machine's architecture and its number of cores.
        lab: The kind of lab.
        engine: The container engine and its version; empty without one.
        images: The id of each service's container image.
        command: The command line that started it; empty if pytest was started directly.
        arguments: The arguments of pytest.
        strict: Whether a SHOULD counts like a MUST.
        shard: Which part of the planned cases it ran: ``2/4``; empty for all of them.
        plans: The plans whose rows the run was asked to fill.
        baselines: The files of known issues beside the manifests.
        known: Their entries, and the expired ones of manifests.
        subjects: The services.
        topologies: The topologies, by name.
        requirements: The requirements, by id.
        planned: How many cases are planned; None as long as that is not known.
        interrupted: Whether the run was interrupted.
        stopped: Why planned cases did not run: the time budget, or the first failure; empty if all did.
        exit_code: The exit code; None as long as the run has not ended.
        seconds: How long the run took; None as long as it has not ended.
        troubles: What went wrong beside the cases, one sentence each.
    """

    run: str = ""
    started: str = ""
    dualstack: str = ""
    git: str = ""
    python: str = ""
    kernel: str = ""
    machine: str = ""
    lab: str = ""
    engine: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    arguments: tuple[str, ...] = ()
    strict: bool = False
    shard: str = ""
    plans: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    known: tuple[KnownInfo, ...] = ()
    subjects: tuple[ServiceInfo, ...] = ()
    topologies: Mapping[str, TopologyInfo] = field(default_factory=dict)
    requirements: Mapping[str, RequirementInfo] = field(default_factory=dict)
    planned: int | None = None
    interrupted: bool = False
    stopped: str = ""
    exit_code: int | None = None
    seconds: float | None = None
    troubles: tuple[str, ...] = ()

    @property
    def incomplete(self) -> bool:
        """Whether the run was interrupted or killed: it says so, or it has no exit code."""
        return self.interrupted or (self.exit_code is None and self != RunInfo())

    def service(self, name: str) -> ServiceInfo:
        """Return what is known of a service; its name alone if nothing is."""
        return next((item for item in self.subjects if item.name == name), ServiceInfo(name))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {"schema": SCHEMA, **asdict(self)}

    def write(self, folder: Path) -> None:
        """Write it to the run's folder; the file is replaced in one step.

        Raises:
            HarnessError: It cannot be written, for example because the disk is full.
        """
        path = folder / RUN
        beside = path.with_suffix(".new")
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        try:
            beside.write_text(text, encoding="utf-8", errors="backslashreplace")
            beside.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise HarnessError(f"{path}: cannot be written: {error.strerror}") from None
