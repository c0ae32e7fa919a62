"""``[[known]]``."""

import datetime as dt
from typing import Self

from pydantic import Field, PrivateAttr

from dualstack.manifest.base import RequirementIds, Table


class Known(Table):
    """A known issue: its cases are *known* instead of *fail*, and *unexpected pass* when it is fixed.

    With ``sometimes = true`` a pass is an ordinary pass: the bug is intermittent. A baseline (`manifest.baseline`) has
    the same entries, each with the service that it is about.
    """

    requirement: RequirementIds = Field(min_length=1, description="The requirement that the service breaks, or a list.")
    topologies: list[str] = Field([], description="Only these topologies; default: all.")
    configurations: list[str] = Field([], description="Only these configurations; default: all.")
    elements: list[str] = Field([], description="Only these listeners, connectors or relays; default: all.")
    reason: str = Field(min_length=10, description="What is wrong, for the report.")
    url: str | None = Field(None, description="The bug report.")
    owner: str = Field("", description="Who fixes it.")
    expires: dt.date | None = Field(
        None, description="The last day (UTC) on which it is accepted; then its cases are judged like any other."
    )
    sometimes: bool = Field(False, description="Whether the bug is intermittent; then a pass is an ordinary pass.")

    _place: str = PrivateAttr("")

    @property
    def place(self) -> str:
        """The file and the line of the entry, ``/srv/shop/service.toml:40``; empty if that is not known."""
        return self._place

    @property
    def has_expired(self) -> bool:
        """Whether its last day is over."""
        return self.expires is not None and self.expires < dt.datetime.now(dt.UTC).date()

    def at(self, place: str) -> Self:
        """Return the same entry with its place."""
        found = self.model_copy()
        found._place = place  # noqa: SLF001 - its own class
        return found

    def covers(self, verdict: str) -> bool:
        """Return whether it accepts a case that has this verdict without it."""
        return bool(verdict)
