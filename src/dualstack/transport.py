"""What carries bytes between two endpoints, and what is said over it."""

import enum


@enum.unique
class Transport(enum.Enum):
    """The transport protocol of a listener or connector."""

    TCP = "tcp"
    UDP = "udp"


@enum.unique
class AppProtocol(enum.Enum):
    """The application protocol, so that "it answers" means more than "a connection opened".

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
