"""Needs: what a listener, connector or relay must have for a requirement to apply to it."""

import enum
from collections.abc import Callable

from dualstack.families import Family
from dualstack.manifest import Bind, Connect, Listen, Relaying, Scope
from dualstack.protocols.application import Trait
from dualstack.transport import Transport

Element = Listen | Connect | Relaying


def _bind(element: Element) -> Bind:
    """Return the forms of ``{bind}`` that the manifest declares, or an empty table."""
    return (element.bind if isinstance(element, Listen) else None) or Bind()


def ipv6_forms(element: Element) -> list[str]:
    """Return the forms of ``{bind}`` that are IPv6 literals or have a place for one."""
    bind = _bind(element)
    return [text for text in (*bind.any, *bind.ipv6_any) if text.count(":") > 1] + list(bind.ipv6_address)


def _is_for_network(element: Element) -> bool:
    """Return whether the element is not for loopback clients only."""
    return not (isinstance(element, Listen | Relaying) and element.scope is Scope.LOOPBACK)


def _serves_one_family_a_socket(element: Element) -> bool:
    """Return whether the element is not a datagram service of both families."""
    return element.transport is Transport.TCP or len(element.families) == 1


def _has_large_answers(element: Element) -> bool:
    """Return whether a request with a large answer is known."""
    return isinstance(element, Listen) and (Trait.ECHOES in element.traits or element.large_send is not None)


def _has_bulk_answers(element: Element) -> bool:
    """Return whether a request with an answer of 200 kB is known."""
    return isinstance(element, Listen) and (Trait.ECHOES in element.traits or element.bulk_send is not None)


def _has_multicast(element: Element) -> bool:
    """Return whether the listener joins a multicast group of a family that it claims."""
    multicast = element.multicast if isinstance(element, Listen) else None
    return multicast is not None and any(multicast.group(family) for family in element.families)


def _advertises(element: Element) -> bool:
    """Return whether answers hold addresses, and it is known where."""
    if not isinstance(element, Listen):
        return False
    return Trait.ADVERTISES in element.traits or (element.advertises is not None and element.advertises.reads)


def _reaches(family: Family) -> Callable[[Element], bool]:
    """Return the test whether a relay claims to reach servers over a family."""
    return lambda element: isinstance(element, Relaying) and family in element.relay.families


def _need(reason: str, holds: Callable[[Element], bool]) -> tuple[str, Callable[[Element], bool]]:
    """Return the declaration of a need."""
    return reason, holds


class Need(enum.Enum):
    """What a listener, connector or relay must have for a requirement to apply.

    A member is declared by the reason that is shown where it is lacking, and by the test whether an element has it.
    Its code, which records carry, is its name: ``Need.NO_DUAL_UDP.code`` is ``no-dual-udp``.
    """

    IPV4 = _need("it does not claim IPv4", lambda element: Family.IPV4 in element.families)
    IPV6 = _need("it does not claim IPv6", lambda element: Family.IPV6 in element.families)
    BOTH = _need("it does not claim both families", lambda element: len(element.families) > 1)
    ONE = _need("it claims both families", lambda element: len(element.families) == 1)
    TCP = _need("it is not TCP", lambda element: element.transport is Transport.TCP)
    UDP = _need("it is not UDP", lambda element: element.transport is Transport.UDP)
    NO_DUAL_UDP = _need(
        "it is a datagram service of both families: see LISTEN-012",
        _serves_one_family_a_socket,
    )
    NO_DUAL_UDP_WITHOUT_ADDRESS = _need(
        "it is a datagram service of both families: see LISTEN-012; its manifest declares no form of one IPv6 address "
        "for {bind}",
        lambda element: (
            _serves_one_family_a_socket(element) or (bool(_bind(element).ipv6_address) and _is_for_network(element))
        ),
    )
    LARGE = _need("its manifest declares no large_send, a request with a large answer", _has_large_answers)
    BULK = _need("its manifest declares no bulk_send, a request with an answer of 200 kB", _has_bulk_answers)
    SEND_TIMEOUT = _need(
        "its manifest declares no send_timeout, after which it ends a connection that does not progress",
        lambda element: isinstance(element, Listen) and element.send_timeout is not None,
    )
    ANSWER = _need(
        'its protocol is "connect": nothing is sent and nothing is answered',
        lambda element: Trait.SILENT not in element.traits,
    )
    REPLIES = _need('its protocol is "oneway": it sends no answer', lambda element: Trait.ONE_WAY not in element.traits)
    REPLY_PORT = _need(
        'it answers from another port (reply_port = "any" in its manifest)',
        lambda element: not (isinstance(element, Listen) and element.reply_port == "any"),
    )
    HTTP = _need("its protocol is not http", lambda element: Trait.HTTP in element.traits)
    KEEPS = _need(
        "its protocol is neither http nor http2: its clients send no second request on a kept connection",
        lambda element: Trait.KEEPS in element.traits,
    )
    NAMES_SERVER = _need(
        "its protocol is not http, http2, grpc, rtsp, sip, websocket or exchange: no request names the server",
        lambda element: bool(element.traits & {Trait.HTTP, Trait.CALLS, Trait.NAMES_SERVER, Trait.DECLARED}),
    )
    RTSP = _need("its protocol is not rtsp", lambda element: element.protocol == "rtsp")
    FTP = _need("its protocol is not ftp", lambda element: element.protocol == "ftp")
    HIDES_ITSELF = _need(
        "its protocol is sip, whose Via names the client's own address (RFC 3261 §18.1.1)",
        lambda element: element.protocol != "sip",
    )
    SIP = _need("its protocol is not sip", lambda element: element.protocol == "sip")
    TLS = _need("it does not speak TLS", lambda element: not isinstance(element, Relaying) and element.tls is not None)
    NO_TLS = _need(
        "it speaks TLS, where close_notify ends what a client sends: a half-close alone is an error (RFC 8446 §6.1)",
        lambda element: isinstance(element, Relaying) or element.tls is None,
    )
    PLAIN = _need(
        "it speaks TLS, which would protect the connection and not what the service sends beside it",
        lambda element: isinstance(element, Relaying) or element.tls is None,
    )
    ONE_REQUEST = _need(
        "its client sends again after an answer, so that it cannot end its sending side with its request",
        lambda element: Trait.TURNS not in element.traits,
    )
    MANY = _need(
        "it ends after one connection (single_shot in its manifest)",
        lambda element: not (isinstance(element, Listen) and element.single_shot),
    )
    BIND_IPV6 = _need(
        "its manifest declares no IPv6 form for {bind}",
        lambda element: bool(ipv6_forms(element)),
    )
    BIND_IPV6_ADDRESS = _need(
        "its manifest declares no form of one IPv6 address for {bind}",
        lambda element: bool(_bind(element).ipv6_address),
    )
    BIND_IPV6_ANY = _need(
        "its manifest neither claims IPv6 alone nor declares a form of every IPv6 address for {bind}",
        lambda element: element.families == [Family.IPV6] or bool(_bind(element).ipv6_any),
    )
    BIND_PAIR = _need(
        "its manifest declares no form of both wildcards as two entries for {bind}",
        lambda element: bool(_bind(element).pair),
    )
    BIND_IPV4_MAPPED = _need(
        "its manifest declares no form of an IPv4-mapped address for {bind}",
        lambda element: bool(_bind(element).ipv4_mapped),
    )
    LOOPBACK = _need("it is not for loopback clients only", lambda element: not _is_for_network(element))
    NETWORK = _need("it is for loopback clients only", _is_for_network)
    BIND_LOCALHOST = _need(
        "its manifest declares no form of localhost for {bind}",
        lambda element: bool(_bind(element).localhost),
    )
    PEER = _need(
        "its manifest does not say where it shows the client's address (peer_reply or peer_log)",
        lambda element: isinstance(element, Listen) and bool(element.peer_reply or element.peer_log),
    )
    ACL = _need(
        "its manifest does not say how its access list is configured (listen.acl)",
        lambda element: isinstance(element, Listen) and element.acl is not None,
    )
    PROXY = _need(
        "it expects no PROXY header (versions in listen.proxy)",
        lambda element: isinstance(element, Listen) and element.proxy is not None and bool(element.proxy.versions),
    )
    PROXY_TRUST = _need(
        "its manifest does not say how the relays that it trusts are configured (trust in listen.proxy)",
        lambda element: (
            isinstance(element, Listen)
            and element.proxy is not None
            and bool(element.proxy.versions and element.proxy.trust)
        ),
    )
    FETCH = _need(
        "its manifest does not say how clients name what it fetches (listen.fetch)",
        lambda element: isinstance(element, Listen) and element.fetch is not None,
    )
    ADVERTISES = _need(
        "its protocol hands out no address, and its manifest does not say where its answers hold one "
        "(listen.advertises)",
        _advertises,
    )
    SELF_REFERENCES = _need(
        "it is neither HTTP nor WebSocket with [listen.advertises] in its manifest: nothing says that its answers "
        "refer to itself",
        lambda element: (
            isinstance(element, Listen)
            and element.advertises is not None
            and bool(element.traits & {Trait.HTTP, Trait.WEBSOCKET})
        ),
    )
    FIELDS = _need(
        "its manifest declares no field of its messages that holds an address (listen.field)",
        lambda element: isinstance(element, Listen) and bool(element.field),
    )
    MULTICAST = _need(
        "its manifest declares no multicast group of a family that it claims (listen.multicast)",
        _has_multicast,
    )
    NO_MULTICAST = _need(
        "it joins a multicast group (listen.multicast): such services share their port (RFC 6762 §15)",
        lambda element: not _has_multicast(element),
    )
    TWO_CLIENTS = _need(
        "it supports one client of each family at a time (clients in its manifest)",
        lambda element: not (isinstance(element, Listen) and element.clients == 1),
    )
    DAEMON = _need(
        'it ends by itself after one run (mode = "once" in its manifest)',
        lambda element: isinstance(element, Connect) and element.runs_on,
    )
    BY_ITSELF = _need(
        "it connects only when it is triggered (connect.trigger in its manifest)",
        lambda element: isinstance(element, Connect) and element.trigger is None,
    )
    LITERALS = _need(
        "it takes no address literals (literals = false in its manifest)",
        lambda element: isinstance(element, Connect) and element.literals,
    )
    SOURCE = _need(
        "its manifest does not say how its local address is configured (source_command)",
        lambda element: isinstance(element, Connect) and bool(element.source_command),
    )
    ZONES = _need(
        "it takes no address with a zone (zones = false in its manifest)",
        lambda element: isinstance(element, Connect) and element.zones is not False,
    )
    ENDS = _need(
        'it runs until it is stopped (mode = "daemon" in its manifest): that it connects to nothing takes long to show',
        lambda element: isinstance(element, Connect) and not element.runs_on,
    )
    NAMES = _need(
        "it takes no host names (names = false in its manifest)",
        lambda element: isinstance(element, Connect) and element.names,
    )
    RESOLV_CONF = _need(
        "its manifest gives it one name server ({nameserver}), so it reads no resolv.conf",
        lambda element: isinstance(element, Connect) and "{nameserver}" not in element.model_dump_json(),
    )
    TO_IPV4 = _need("it does not claim to reach servers over IPv4", _reaches(Family.IPV4))
    TO_IPV6 = _need("it does not claim to reach servers over IPv6", _reaches(Family.IPV6))
    SERVER_BY_NAME = _need(
        "its server cannot be configured by a name (names = false in its manifest)",
        lambda element: isinstance(element, Relaying) and element.relay.names,
    )
    STREAM = _need(
        "it does not pass on bytes as they are: it is not TCP, it speaks TLS, or its manifest says stream = false or "
        "sends_proxy",
        lambda element: isinstance(element, Relaying) and element.is_stream,
    )
    HALF_CLOSE = _need(
        "it does not pass on the end of one direction alone (half_close = false in its manifest)",
        lambda element: isinstance(element, Relaying) and element.relay.half_close,
    )
    SENDS_V1 = _need(
        'it sends no PROXY header of version 1 (sends_proxy = "v1" in its manifest)',
        lambda element: isinstance(element, Relaying) and element.relay.sends_proxy == "v1",
    )
    SENDS_V2 = _need(
        'it sends no PROXY header of version 2 (sends_proxy = "v2" in its manifest)',
        lambda element: isinstance(element, Relaying) and element.relay.sends_proxy == "v2",
    )
    FORWARDED = _need(
        "its manifest does not say from which field it takes its client's address (forwarded in listen.proxy)",
        lambda element: isinstance(element, Listen) and element.proxy is not None and bool(element.proxy.forwarded),
    )
    SENDS_FORWARDED = _need(
        "its manifest does not say in which field it names its client (forwarded)",
        lambda element: isinstance(element, Relaying) and element.relay.forwarded is not None,
    )
    UDP_IDLE = _need(
        "its manifest does not say after how many seconds it forgets a UDP client (udp_idle)",
        lambda element: isinstance(element, Relaying) and element.relay.udp_idle is not None,
    )

    def __init__(self, reason: str, holds: Callable[[Element], bool]) -> None:
        """Keep the reason that is shown where it is lacking, and the test whether an element has it."""
        self.reason = reason
        self.holds = holds

    @property
    def code(self) -> str:
        """The name that records carry: ``no-dual-udp``."""
        return self.name.lower().replace("_", "-")
