"""What carries bytes between two endpoints, and what is said over it."""

import enum


@enum.unique
class Transport(enum.Enum):
    """The transport protocol of a listener or connector."""

    TCP = "tcp"
    UDP = "udp"


@enum.unique
class AppProtocol(enum.StrEnum):
    """The names of the built-in application protocols that code refers to; see `dualstack.protocols.registry`.

    What has an application protocol has its name, as text: a protocol from outside has no member here.

    ``connect``: nothing is said: an accepted TCP connection is the answer. ``echo``: what is sent comes back.
    ``upper``: it comes back in upper case. ``http``: ``GET /`` is answered by a whole response. ``redis``: ``PING``
    is answered by ``+PONG``. ``exchange``: the manifest declares what is said. ``oneway``: a datagram that has no
    answer; the output shows that it came.
    """

    CONNECT = "connect"
    ECHO = "echo"
    UPPER = "upper"
    HTTP = "http"
    REDIS = "redis"
    EXCHANGE = "exchange"
    ONEWAY = "oneway"
