"""``[[relay]]``."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field, StrictBool

from dualstack.families import BOTH, Family
from dualstack.manifest.base import Name, Port, Table, distinct
from dualstack.manifest.connect import Turn
from dualstack.manifest.faults import Fault
from dualstack.manifest.listen import Listen
from dualstack.manifest.protocol import ProtocolName
from dualstack.manifest.scope import Scope
from dualstack.protocols.application import Trait
from dualstack.protocols.forwarded import Field as Forwarded
from dualstack.protocols.proxy_header import Version
from dualstack.protocols.registry import one_of, served, traits_of
from dualstack.protocols.tunnel import TunnelName
from dualstack.transport import Transport


class Relay(Table):
    """A listener whose clients the service connects to a server: a port forwarder, a proxy or a load balancer.

    The lab runs the server. The configuration of the service names it by {target}.
    """

    name: Name = Field(description="A short name, for the report and for {NAME.target}.")
    listen: Name = Field(description="The name of the [[listen]] table on which it accepts clients.")
    port: Port = Field(9000, description="The port of the lab's server.")
    protocol: ProtocolName | None = Field(
        None,
        description=f"The application protocol of the lab's server: {one_of(served())}; default: that of the listener.",
    )
    tunnel: TunnelName | None = Field(
        None,
        description='How each client names the server to it, before it speaks the listener\'s protocol: "socks5" or '
        '"http-connect". Omit it if its configuration names the server, by {target}.',
    )
    turns: list[Turn] = Field(
        [], description='With protocol = "exchange": what the server expects and answers; see [[connect.turns]].'
    )
    families: list[Family] = Field(
        list(BOTH), min_length=1, description="The families over which it claims to reach servers."
    )
    literals: StrictBool = Field(True, description="Whether the server may be configured by an IP address.")
    names: StrictBool = Field(True, description="Whether the server may be configured by a name.")
    stream: StrictBool = Field(
        True,
        description="Whether it passes on any bytes. With false it understands the protocol, like an HTTP proxy; the "
        "requirements on bytes and on the end of a connection do not apply.",
    )
    half_close: StrictBool = Field(
        True,
        description="Whether it passes on the end of one direction of a TCP connection while the other stays open.",
    )
    udp_idle: float | None = Field(
        None,
        gt=0,
        le=30,
        description="Seconds without a datagram after which it forgets a UDP client; omit it if that takes longer than "
        "30 s, or never happens.",
    )

    sends_proxy: Version | None = Field(
        None,
        description="The version of the PROXY header with which each connection to the server begins; omit it if none "
        "is sent.",
    )

    forwarded: Forwarded | None = Field(
        None,
        description="With HTTP and stream = false: the field in which each request to the server names its client: "
        '"Forwarded" or "X-Forwarded-For"; omit it if none does.',
    )

    def _turns_fit_the_protocol(self) -> Iterator[Fault]:
        """Refuse turns with another protocol."""
        if self.turns and self.protocol is not None and Trait.DECLARED not in traits_of(self.protocol):
            yield Fault(("turns",), '"turns" belongs to protocol = "exchange"')

    def _forwarded_has_its_requests(self) -> Iterator[Fault]:
        """Refuse a field of requests in a relay that does not understand them."""
        if self.forwarded is not None and self.stream:
            yield Fault(("forwarded",), '"forwarded" belongs to stream = false: the relay changes the requests')

    def _tunnel_is_plain(self) -> Iterator[Fault]:
        """Refuse a tunnel to a server that cannot be named, or whose messages the relay changes."""
        if self.tunnel is None:
            return
        if not self.names:
            yield Fault(("names",), f'found names = false with tunnel = "{self.tunnel}": its clients use names too')
        for key in ("sends_proxy", "forwarded"):
            if self.__dict__[key] is not None:
                yield Fault((key,), f'it does not go with tunnel = "{self.tunnel}", which passes on bytes as they are')

    def _server_can_be_configured(self) -> Iterator[Fault]:
        """Refuse a relay whose server can be configured neither by an address nor by a name."""
        if not self.literals and not self.names:
            yield Fault(("names",), "found names = false and literals = false; its server is one of them")

    CHECKS = (
        _turns_fit_the_protocol,
        _forwarded_has_its_requests,
        _tunnel_is_plain,
        _server_can_be_configured,
        distinct("families", "a family"),
    )


@dataclass(frozen=True, slots=True)
class Relaying:
    """A relay with its listener: the element of its cases.

    Attributes:
        relay: The ``[[relay]]`` table.
        listener: The listener on which it accepts, with the families of the configuration.
    """

    relay: Relay
    listener: Listen

    @property
    def name(self) -> str:
        """The relay's name."""
        return self.relay.name

    @property
    def port(self) -> int:
        """The listener's port."""
        return self.listener.port

    @property
    def transport(self) -> Transport:
        """The transport of both legs."""
        return self.listener.transport

    @property
    def families(self) -> list[Family]:
        """The families that the listener claims to serve."""
        return self.listener.families

    @property
    def scope(self) -> Scope:
        """Which clients the listener is for."""
        return self.listener.scope

    @property
    def protocol(self) -> str:
        """The application protocol of the listener."""
        return self.listener.protocol

    @property
    def traits(self) -> frozenset[Trait]:
        """The traits of the listener's application protocol."""
        return self.listener.traits

    @property
    def server_protocol(self) -> str:
        """The application protocol of the server."""
        return self.relay.protocol or self.listener.protocol

    @property
    def is_stream(self) -> bool:
        """Whether it passes on the bytes of TCP connections as they are."""
        changes = not self.relay.stream or self.relay.sends_proxy is not None or self.listener.tls is not None
        return self.transport is Transport.TCP and not changes
