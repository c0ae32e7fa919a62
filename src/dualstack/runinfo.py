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
    """

    name: str
    summary: str = ""
    manifest: str = ""
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    loopback: tuple[str, ...] = ()


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
        arguments: The arguments of the command.
        strict: Whether a SHOULD counts like a MUST.
        subjects: The services.
        topologies: The topologies, by name.
        requirements: The requirements, by id.
        planned: How many cases are planned; None as long as that is not known.
        interrupted: Whether the run was interrupted.
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
    arguments: tuple[str, ...] = ()
    strict: bool = False
    subjects: tuple[ServiceInfo, ...] = ()
    topologies: Mapping[str, TopologyInfo] = field(default_factory=dict)
    requirements: Mapping[str, RequirementInfo] = field(default_factory=dict)
    planned: int | None = None
    interrupted: bool = False
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
