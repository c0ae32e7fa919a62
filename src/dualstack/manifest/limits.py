"""``[limits]``."""

from typing import Annotated

from pydantic import Field

from dualstack.manifest.base import Table

Count = Annotated[int, Field(ge=0, le=1 << 24, strict=True)]


class Limits(Table):
    """Resource limits of the service with all its processes; if it reaches one it is killed and the case fails.

    0 means no limit.
    """

    processes: Count = Field(1024, description="Maximum number of processes and threads at a time.")
    memory: Count = Field(2048, description="Memory in MiB, including files in /dev/shm and {scratch}.")
    output: Count = Field(256, description="Output of one start, in MiB.")
