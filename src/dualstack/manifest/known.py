"""``[[known]]``."""

from pydantic import Field

from dualstack.manifest.base import RequirementIds, Table


class Known(Table):
    """A known issue: its cases are *known* instead of *fail*, and *unexpected pass* when it is fixed.

    With ``sometimes = true`` a pass is an ordinary pass: the bug is intermittent.
    """

    requirement: RequirementIds = Field(min_length=1, description="The requirement that the service breaks, or a list.")
    topologies: list[str] = Field([], description="Only these topologies; default: all.")
    configurations: list[str] = Field([], description="Only these configurations; default: all.")
    subjects: list[str] = Field([], description="Only these listeners or connectors; default: all.")
    reason: str = Field(min_length=10, description="What is wrong, for the report.")
    url: str | None = Field(None, description="The bug report.")
    sometimes: bool = Field(False, description="Whether the bug is intermittent; then a pass is an ordinary pass.")
