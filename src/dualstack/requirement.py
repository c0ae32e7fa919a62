"""A requirement: what a service must do, declared beside the one test that checks it."""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dualstack.casekey import REQUIREMENT_ID
from dualstack.need import Need

__all__ = ["Level", "Need", "Requirement", "Role", "Test"]

Test = TypeVar("Test", bound=Callable[..., object])


@enum.unique
class Level(enum.Enum):
    """How binding a requirement is; it decides the verdict on a service that does not meet it."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    OBSERVE = "OBSERVE"


@enum.unique
class Role(enum.Enum):
    """Which part of a service a requirement is about."""

    LISTENER = "listener"
    CONNECTOR = "connector"
    BOTH = "listener and connector"
    RELAY = "relay"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is required, why, and how it is checked.

    Attributes:
        id: Stable and short: ``LISTEN-001``.
        title: A line.
        level: MUST, SHOULD or OBSERVE.
        role: Whether it is about listeners, connectors, both, relays, or the service as a whole.
        statement: The obligation.
        stimulus: What the harness does.
        wire: What the packets must show.
        cites: Where the obligation comes from, each with its section.
        topologies: The topologies in which the result can differ; it runs in these only.
        needs: What the listener, connector or relay must have for it to apply.
        causes: Codes of the likely root causes, most likely first; none for the service as a whole.
        baseline: Whether the service runs with its own configuration and without obstacles, so that a report may say
            from this requirement which clients the service serves.
    """

    id: str
    title: str
    level: Level
    role: Role
    statement: str
    stimulus: str
    wire: str
    cites: tuple[str, ...]
    topologies: tuple[str, ...]
    causes: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    baseline: bool = False

    def __post_init__(self) -> None:
        """Check that the requirement can be shown and run.

        Raises:
            ValueError: The id has another form, or a part is empty.
        """
        if not re.fullmatch(REQUIREMENT_ID, self.id):
            raise ValueError(f"{self.id!r} is not a requirement id such as LISTEN-001")
        for name in ("title", "statement", "stimulus", "wire", "cites", "topologies", "causes"):
            if not getattr(self, name) and not (name == "causes" and self.role is Role.SERVICE):
                raise ValueError(f"{self.id}: {name} is empty")

    @property
    def group(self) -> str:
        """The group that its id begins with: ``LISTEN``."""
        return self.id.partition("-")[0]

    def attach(self, test: Test) -> Test:
        """Make ``test`` the check of this requirement (used as a decorator)."""
        test.requirement = self  # type: ignore[attr-defined]  # the attribute is what `of` reads
        return test

    @staticmethod
    def of(test: object) -> "Requirement | None":
        """Return the requirement that ``test`` checks, if any."""
        found = getattr(test, "requirement", None)
        return found if isinstance(found, Requirement) else None
