"""``[listen.fetch]``."""

import enum
import re
from collections.abc import Iterator

from pydantic import Field, StrictBool

from dualstack.families import BOTH, Family
from dualstack.manifest.base import Bytes, Port, Table, distinct
from dualstack.manifest.faults import Fault
from dualstack.manifest.texts import Place, stands_in

_DNS = 53
PATH = re.compile(r"/[!-~]*")
"""A path for GET."""
_TARGETS = ("url", "target", "host")
"""The placeholders of which a request must have one."""


@enum.unique
class Refused(enum.Enum):
    """Targets that a service may refuse besides loopback ones.

    ``link-local``: fe80::/10 and 169.254.0.0/16. ``private``: fc00::/7 and the networks of RFC 1918. ``nat64``: the
    addresses of 64:ff9b::/96 that embed a refused address (RFC 6052).
    """

    LINK_LOCAL = "link-local"
    PRIVATE = "private"
    NAT64 = "nat64"


class Fetch(Table):
    """How clients name what the service fetches or connects to; it must refuse loopback targets (SEC-006)."""

    request: Bytes = Field(
        description="A path for GET, or all that the client sends; {url}, {target} or {host} stands for the target."
    )
    also_refuses: list[Refused] = Field(
        [], description="The targets that it refuses besides loopback and unspecified addresses."
    )
    port: Port = Field(8000, description="The port of the lab's targets.")
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families over which it fetches.")
    names: StrictBool = Field(True, description="Whether a target may be a host name.")

    @property
    def is_path(self) -> bool:
        """Whether the request is a path for GET."""
        return self.request.startswith("/") and not re.search(r"[\r\n]", self.request)

    def _request_names_a_target(self) -> Iterator[Fault]:
        """Refuse a request without a target, and a path that is not one."""
        if not any(stands_in(name, self.request) for name in _TARGETS):
            allowed = ", ".join(f"{{{name}}}" for name in _TARGETS)
            yield Fault(("request",), f"{self.request!r} does not name the target; add one of {allowed}")
        if self.is_path and not PATH.fullmatch(self.request):
            yield Fault(("request",), f"{self.request!r} is not a path: percent-encode what is not printable ASCII")

    def _targets_leave_the_name_server_its_port(self) -> Iterator[Fault]:
        """Refuse the port of the lab's name server."""
        if self.port == _DNS:
            yield Fault(("port",), "found 53, the port of the lab's name server; allowed: any other port")

    CHECKS = (
        _request_names_a_target,
        _targets_leave_the_name_server_its_port,
        distinct("also_refuses", "a target"),
        distinct("families", "a family"),
    )
    TEXTS = dict.fromkeys(("request",), Place.FETCH)
