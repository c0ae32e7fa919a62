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
    ``upper``: it comes back in upper case. ``http``: ``GET /`` is answered by a whole response. ``http2``: the same
    over HTTP/2. ``grpc``: a call has grpc-status 0. ``redis``: ``PING`` is answered by ``+PONG``. ``kafka``:
    ApiVersions and Metadata are answered. ``exchange``: the manifest declares what is said. ``oneway``: a datagram that
    has no answer; the output shows that it came.
    """

    CONNECT = "connect"
    ECHO = "echo"
    UPPER = "upper"
    HTTP = "http"
    HTTP2 = "http2"
    GRPC = "grpc"
    REDIS = "redis"
    KAFKA = "kafka"
    EXCHANGE = "exchange"
    ONEWAY = "oneway"
