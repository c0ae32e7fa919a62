"""How clients of a listener name what it is to fetch, and what it must never fetch."""

import enum
import re

from pydantic import Field, StrictBool

from dualstack.families import BOTH, Family
from dualstack.manifest.base import Bytes, Port, Table

PATH = re.compile(r"/[!-~]*")
PLACES = ("{url}", "{target}", "{host}")


@enum.unique
class Refused(enum.Enum):
    """Targets that a service may refuse besides loopback ones.

    ``link-local``: fe80::/10 and 169.254.0.0/16. ``private``: fc00::/7 and the networks of RFC 1918. ``nat64``: those
    of 64:ff9b::/96 that stand for a target which is refused (RFC 6052).
    """

    LINK_LOCAL = "link-local"
    PRIVATE = "private"
    NAT64 = "nat64"


class Fetch(Table):
    """How clients name what the service fetches, or connects to, for them; it refuses loopback targets (SEC-006)."""

    request: Bytes = Field(
        description="A path that is asked for with GET, or all that is sent; {url}, {target} or {host} stands for what "
        "to fetch."
    )
    also_refuses: list[Refused] = Field([], description="What it refuses besides loopback and unspecified addresses.")
    port: Port = Field(8000, description="The port on which the lab's targets listen.")
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families over which it fetches.")
    names: StrictBool = Field(True, description="Whether a target may be a host name.")

    @property
    def is_path(self) -> bool:
        """Whether the request is a path, and not all that is sent."""
        return self.request.startswith("/") and not re.search(r"[\r\n]", self.request)
