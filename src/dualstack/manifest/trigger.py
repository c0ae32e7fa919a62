"""``[connect.trigger]``."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from dualstack.manifest.base import Bytes, Port, Table
from dualstack.manifest.faults import Fault

_PATH = re.compile(r"/[!-~]*")


class Trigger(Table):
    """What makes a daemon connect: a signal, or a request to a port on which it listens.

    It is repeated until the daemon connects.
    """

    signal: Literal["SIGHUP", "SIGUSR1", "SIGUSR2"] | None = Field(
        None, description="The signal that its first process gets."
    )
    port: Port | None = Field(
        None,
        description="The TCP port on which it listens, on a loopback address ({listen}); a client on the same host "
        "sends the request there.",
    )
    request: Bytes = Field("/", description="With port: a path for GET, or all that the client sends.")

    @property
    def is_path(self) -> bool:
        """Whether the request is a path for GET."""
        return self.request.startswith("/") and not re.search(r"[\r\n]", self.request)

    def _is_one(self) -> Iterator[Fault]:
        """Refuse a trigger that is neither a signal nor a request, or both."""
        if (self.signal is None) == (self.port is None):
            found = "neither signal nor port" if self.signal is None else "both signal and port"
            yield Fault((), f"found {found}; a trigger is one of them")
        if self.port is None and "request" in self.model_fields_set:
            yield Fault(("request",), '"request" needs "port": where the daemon listens for it')
        if self.is_path and not _PATH.fullmatch(self.request):
            yield Fault(("request",), f"{self.request!r} is not a path: percent-encode what is not printable ASCII")

    CHECKS = (_is_one,)
