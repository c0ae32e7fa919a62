"""``[ready]``."""

from pydantic import Field, StrictBool

from dualstack.manifest.base import Table
from dualstack.manifest.patterns import Regex


class Ready(Table):
    """When the service counts as ready.

    Without this table: when it listens on its first port; its other ports have 3 s more.
    """

    log: Regex | None = Field(None, description="A regular expression that a line of its output must match.")
    listening: StrictBool = Field(
        True, description="Whether the kernel must show a socket of the service on its first port."
    )
    exchange: StrictBool = Field(
        False, description="Whether one exchange with the first listener, from the service's own host, must succeed."
    )
