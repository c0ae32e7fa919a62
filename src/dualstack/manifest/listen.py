"""``[[listen]]``."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, StrictBool, StrictInt

from dualstack.families import BOTH, Family
from dualstack.manifest.acl import Acl
from dualstack.manifest.address_field import AddressField
from dualstack.manifest.advertises import Advertises
from dualstack.manifest.asked import Asked
from dualstack.manifest.base import Bytes, Name, Port, distinct
from dualstack.manifest.bind import Bind
from dualstack.manifest.faults import Fault
from dualstack.manifest.fetch import PATH, Fetch
from dualstack.manifest.multicast import Multicast
from dualstack.manifest.patterns import Method, Pattern, Regex, Status
from dualstack.manifest.protocol import ProtocolName, runs_over
from dualstack.manifest.proxy import Proxy
from dualstack.manifest.scope import Scope
from dualstack.manifest.texts import filled
from dualstack.manifest.timeouts import Seconds
from dualstack.manifest.tls import ListenTls
from dualstack.manifest.websocket import WebSocket
from dualstack.protocols.application import Trait
from dualstack.protocols.registry import PROTOCOLS, one_of, traits_of
from dualstack.transport import AppProtocol, Transport

_BINARY = frozenset({AppProtocol.HTTP2, AppProtocol.GRPC})
"""The protocols of binary frames: what a client receives is no text of an answer."""


class Listen(Asked):
    """One port on which the service accepts connections or datagrams."""

    name: Name = Field(description="A short name, for the report.")
    transport: Transport = Field(Transport.TCP, description="The transport protocol: tcp or udp.")
    port: Port = Field(description="The port. It is always free, because a lab has its own network.")
    protocol: ProtocolName = Field(
        "connect",
        description=f"The application protocol: {one_of(item for item in PROTOCOLS.values() if item.transports)}.",
    )
    send: Bytes | None = Field(
        None,
        description='With protocol = "exchange" or "oneway": what the client sends first (Latin-1). With "exchange", '
        'each {id} stands for one letter or digit; together they differ in each request. With "oneway", {token} stands '
        'for a text that is new in each datagram. With "grpc" and call: the message, in the encoding of protobuf; '
        'default: an empty message. With "websocket": the message; default: a new text.',
    )
    expect: Regex | None = Field(
        None,
        description='With protocol = "exchange", or "grpc" and call: a regular expression that the answer must match. '
        'With "websocket": one that a message must match; default: the message comes back.',
    )
    call: Method | None = Field(
        None,
        description='With protocol = "grpc": the method that clients call, e.g. "/shop.Orders/List"; default: the '
        "health check /grpc.health.v1.Health/Check, which the server need not know.",
    )
    status: list[Status] = Field(
        [],
        description='With protocol = "http" or "http2": the statuses that count as served, e.g. [200, "3xx"]; default: '
        "all below 500.",
    )
    path: str = Field(
        "/",
        pattern=r"^/[!-~]*$",
        description='With protocol = "rtsp" or "websocket": the path of the URI that the client requests.',
    )
    received_log: Regex | None = Field(
        None,
        description='With protocol = "oneway": a regular expression for the line of output that shows a datagram, with '
        "{token} for the text that is new; default: peer_log.",
    )
    reply_port: Literal["same", "any"] = Field(
        "same",
        description="The source port of UDP answers: the port that was asked (same), or any port (TFTP, RFC 1350).",
    )
    large_send: Bytes | None = Field(
        None,
        min_length=1,
        description='With protocol = "exchange": a request whose answer is longer than 1500 bytes (UDP-005, '
        "LISTEN-017).",
    )
    bulk_send: Bytes | None = Field(
        None,
        min_length=1,
        description='With protocol = "http": a path; with "exchange": a request; its answer has at least 200 kB '
        "(TRANS-006, TRANS-007). With echo and upper clients send that much.",
    )
    send_timeout: Seconds | None = Field(
        None,
        description="Seconds after which it ends a connection if its client acknowledges nothing that it sends "
        "(TRANS-007); omit if nothing limits that.",
    )
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families that it claims to serve.")
    scope: Scope = Field(
        Scope.NETWORK,
        description="Which clients it is for: network, or loopback (only clients on the service's own host).",
    )
    bind: Bind | None = Field(
        None, description="How its listen address is configured; omit if it cannot be configured."
    )
    acl: Acl | None = Field(None, description="How its access list is configured; omit if it has none.")
    tls: ListenTls | None = Field(None, description="How it speaks TLS; omit if it does not.")
    proxy: Proxy | None = Field(
        None, description="How relays in front of it name its clients; omit if it takes clients without relays only."
    )
    websocket: WebSocket | None = Field(
        None,
        description='With protocol = "websocket": what the opening handshake has beside the path; omit if nothing.',
    )
    fetch: Fetch | None = Field(
        None, description="How clients name the targets that it fetches; omit if it fetches nothing."
    )
    advertises: Advertises | None = Field(
        None, description="Where its answers hold addresses that clients use next; omit if they hold none."
    )
    field: list[AddressField] = Field([], description="The fields of its messages that hold an address (META-007).")
    multicast: Multicast | None = Field(None, description="The multicast groups that it joins; omit if it joins none.")
    single_shot: StrictBool = Field(
        False, description="Whether the service ends after one connection; the harness then starts it again."
    )
    clients: StrictInt = Field(
        200, ge=1, le=200, description="How many clients of each family it supports at a time, if fewer than 200."
    )
    partial_bind: str | None = Field(
        None,
        min_length=10,
        description="Why the service may keep running if it cannot bind one of its families (LISTEN-009).",
    )
    peer_reply: Pattern | None = Field(
        None,
        description="A regular expression; its group 1 matches the client's address in an answer, with or without the "
        "port.",
    )
    peer_log: Pattern | None = Field(
        None,
        description="A regular expression; its group 1 matches the client's address in a line of output, with or "
        "without the port.",
    )

    @property
    def bind_texts(self) -> list[str]:
        """The listen addresses that cover what it claims, as ``[listen.bind]`` writes them, the closest first."""
        bind, several = self.bind or Bind(), len(self.families) > 1
        is_ipv4 = self.families[0] is Family.IPV4
        if self.scope is Scope.LOOPBACK and several:
            return bind.localhost
        if self.scope is Scope.LOOPBACK:
            own = bind.ipv4_address if is_ipv4 else bind.ipv6_address
            return filled(own, {"address": self.families[0].loopback})
        if several:
            return [*bind.any, *bind.ipv6_any]
        return [*(bind.ipv4_any if is_ipv4 else bind.ipv6_any), *bind.any]

    @property
    def traits(self) -> frozenset[Trait]:
        """The traits of its application protocol."""
        return traits_of(self.protocol)

    @property
    def bind_keys(self) -> str:
        """The keys of ``[listen.bind]`` that cover what it claims; one of them is needed."""
        family = self.families[0].value
        if self.scope is Scope.LOOPBACK:
            return "localhost" if len(self.families) > 1 else f"{family}_address"
        return "any" if len(self.families) > 1 else f"{family}_any or any"

    def _exchange_is_given(self) -> Iterator[Fault]:
        """Refuse protocol = "exchange" without its keys, and its keys with another protocol."""
        is_exchange = Trait.DECLARED in self.traits
        is_set = self.send is not None or self.expect is not None
        if Trait.CALLS in self.traits:
            if is_set and self.call is None:
                yield Fault(
                    (), 'with protocol = "grpc" "send" and "expect" belong to "call": the method that is called'
                )
        elif not self.traits & {Trait.ONE_WAY, Trait.WEBSOCKET} and is_exchange != is_set:
            yield Fault((), '"send" and "expect" belong to protocol = "exchange", which needs at least one of them')
        if self.large_send is not None and not is_exchange:
            yield Fault(("large_send",), '"large_send" belongs to protocol = "exchange"')
        if self.bulk_send is not None and not self.traits & {Trait.HTTP, Trait.DECLARED}:
            yield Fault(("bulk_send",), '"bulk_send" belongs to protocol = "http" or "exchange"')
        elif Trait.HTTP in self.traits and not PATH.fullmatch(self.bulk_send or "/"):
            yield Fault(("bulk_send",), f"found {self.bulk_send!r}; allowed: a path, e.g. /big-file")

    def _keys_fit_the_protocol(self) -> Iterator[Fault]:
        """Refuse keys that belong to another protocol or transport."""
        if self.proxy is not None and self.proxy.forwarded and self.protocol != AppProtocol.HTTP:
            yield Fault(("proxy", "forwarded"), '"forwarded" belongs to protocol = "http"')
        if self.status and Trait.HTTP not in self.traits:
            yield Fault(("status",), '"status" belongs to protocol = "http"')
        if self.websocket is not None and Trait.WEBSOCKET not in self.traits:
            yield Fault(("websocket",), '[listen.websocket] belongs to protocol = "websocket"')
        if self.call is not None and Trait.CALLS not in self.traits:
            yield Fault(("call",), '"call" belongs to protocol = "grpc"')
        if self.path != "/" and Trait.WEBSOCKET not in self.traits and not self.protocol.startswith("rtsp"):
            yield Fault(("path",), '"path" belongs to protocol = "rtsp" or "websocket"')
        if self.received_log is not None and Trait.ONE_WAY not in self.traits:
            yield Fault(("received_log",), '"received_log" belongs to protocol = "oneway"')
        if self.reply_port == "any" and self.transport is not Transport.UDP:
            yield Fault(("reply_port",), 'reply_port = "any" belongs to transport = "udp"')

    def _oneway_leaves_a_trace(self) -> Iterator[Fault]:
        """Refuse a one-way listener if nothing shows that a datagram arrived."""
        if Trait.ONE_WAY not in self.traits:
            return
        if self.transport is not Transport.UDP:
            yield Fault(("protocol",), 'protocol = "oneway" belongs to transport = "udp"')
        if not self.send:
            yield Fault((), 'protocol = "oneway" needs "send": the datagram')
        if self.received_log is None and self.peer_log is None:
            yield Fault(
                (), 'protocol = "oneway" needs "received_log" or "peer_log": nothing else shows that a datagram arrived'
            )
        if "{token}" in (self.received_log or "") and "{token}" not in (self.send or ""):
            yield Fault(("received_log",), 'it has {token}, but "send" does not')

    def _oneway_has_no_answer(self) -> Iterator[Fault]:
        """Refuse keys about the answer of a one-way listener."""
        answers = {"expect": self.expect, "peer_reply": self.peer_reply, "reply_port": self.reply_port == "any"}
        for key, used in answers.items():
            if used and Trait.ONE_WAY in self.traits:
                yield Fault((key,), 'it is about an answer, but with protocol = "oneway" there is none')

    def _protocol_fits_transport(self) -> Iterator[Fault]:
        """Refuse protocols that do not exist over the transport, or that show nothing over UDP."""
        if self.transport is Transport.UDP and Trait.SILENT in self.traits:
            text = f'protocol = "{self.protocol}" shows nothing over UDP; choose a protocol that answers'
            yield Fault(("protocol",), text)
        elif not PROTOCOLS[self.protocol].transports:
            yield Fault(("protocol",), f'protocol = "{self.protocol}" is for connectors; it has no client')
        elif self.transport not in PROTOCOLS[self.protocol].transports:
            yield Fault(("protocol",), f'protocol = "{self.protocol}" {runs_over(self.transport)}')

    def _keys_fit_the_transport(self) -> Iterator[Fault]:
        """Refuse keys of connections in a UDP listener, and keys of datagrams in a TCP listener."""
        if self.multicast is not None and self.transport is Transport.TCP:
            yield Fault(("multicast",), '"multicast" belongs to transport = "udp"')
        for key in ("fetch", "tls", "proxy", "send_timeout") if self.transport is Transport.UDP else ():
            if self.__dict__.get(key) is not None:
                yield Fault((key,), f'"{key}" belongs to transport = "tcp"')
        if self.tls is not None and Trait.OWN_PORT in self.traits:
            yield Fault(("tls",), f'with protocol = "{self.protocol}" part of the exchange is outside the connection')

    def _advertises_fits_protocol(self) -> Iterator[Fault]:
        """Refuse addresses of answers that are never sent, and a request that cannot be made."""
        table = self.advertises
        if table is None:
            return
        if self.traits & {Trait.ONE_WAY, Trait.SILENT}:
            yield Fault(("advertises",), f'protocol = "{self.protocol}" has no answer that could hold an address')
        by_path = bool(self.traits & {Trait.HTTP, Trait.WEBSOCKET})
        if table.request is not None and not by_path and Trait.DECLARED not in self.traits:
            text = '"request" belongs to protocol = "http", "http2", "websocket" or "exchange"'
            yield Fault(("advertises", "request"), text)
        if table.request is not None and by_path and not PATH.fullmatch(table.request):
            yield Fault(("advertises", "request"), f"found {table.request!r}; allowed: a path, e.g. /old-page")
        if not table.reads and not by_path:
            text = 'it does not say where the addresses are; add "pattern", "json_path" or "protobuf_path"'
            yield Fault(("advertises",), text)

    def _fields_can_be_asked_for(self) -> Iterator[Fault]:
        """Refuse fields of a protocol whose requests the manifest does not declare, and paths that are none."""
        for position, item in enumerate(self.field):
            place = ("field", position)
            if (
                not self.traits & {Trait.HTTP, Trait.DECLARED}
                or Trait.ONE_WAY in self.traits
                or self.protocol in _BINARY
            ):
                yield Fault(place, 'it belongs to protocol = "http" or "exchange"')
            elif Trait.HTTP in self.traits and not PATH.fullmatch(item.request):
                yield Fault(
                    (*place, "request"), f"found {item.request!r}; allowed: a path, e.g. /peer?address={{address}}"
                )

    def _peers_have_a_group(self) -> Iterator[Fault]:
        """Refuse an expression for the client's address without a group."""
        for key in ("peer_reply", "peer_log"):
            pattern = self.__dict__.get(key)
            if pattern is not None and re.compile(pattern).groups < 1:
                yield Fault((key,), 'it needs a group, e.g. "client ip: (\\S+)"')

    CHECKS = (
        _exchange_is_given,
        _keys_fit_the_protocol,
        _oneway_leaves_a_trace,
        _oneway_has_no_answer,
        _protocol_fits_transport,
        _keys_fit_the_transport,
        _advertises_fits_protocol,
        _fields_can_be_asked_for,
        _peers_have_a_group,
        distinct("families", "a family"),
    )
