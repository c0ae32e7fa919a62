"""``[[exemption]]``."""

from pydantic import Field

from dualstack.manifest.base import RequirementIds, Table


class Exemption(Table):
    """A requirement that does not apply to this service, with the reason: its cases are *not applicable*."""

    requirement: RequirementIds = Field(min_length=1, description="The requirement, e.g. LISTEN-004, or a list.")
    topologies: list[str] = Field([], description="Only these topologies; default: all.")
    reason: str = Field(min_length=10, description="The reason, for the report.")
