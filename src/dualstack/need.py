"""Needs: what a listener or connector must have for a requirement to apply to it."""

import enum
from collections.abc import Callable

from dualstack.families import Family
from dualstack.manifest import Bind, Connect, Listen, Scope
from dualstack.protocols.application import Trait
from dualstack.transport import Transport

Element = Listen | Connect


def _bind(element: Element) -> Bind:
    """Return the forms of ``{bind}`` that the manifest declares, or an empty table."""
    return (element.bind if isinstance(element, Listen) else None) or Bind()


def ipv6_forms(element: Element) -> list[str]:
    """Return the forms of ``{bind}`` that are IPv6 literals or have a place for one."""
    bind = _bind(element)
    return [text for text in (*bind.any, *bind.ipv6_any) if text.count(":") > 1] + list(bind.ipv6_address)


def _is_for_network(element: Element) -> bool:
    """Return whether the element is not for loopback clients only."""
    return not (isinstance(element, Listen) and element.scope is Scope.LOOPBACK)


def _serves_one_family_a_socket(element: Element) -> bool:
    """Return whether the element is not a datagram service of both families."""
    return element.transport is Transport.TCP or len(element.families) == 1


def _has_large_answers(element: Element) -> bool:
    """Return whether a request with a large answer is known."""
    return isinstance(element, Listen) and (Trait.ECHOES in element.traits or element.large_send is not None)


def _has_multicast(element: Element) -> bool:
    """Return whether the listener joins a multicast group of a family that it claims."""
    multicast = element.multicast if isinstance(element, Listen) else None
    return multicast is not None and any(multicast.group(family) for family in element.families)


def _need(reason: str, holds: Callable[[Element], bool]) -> tuple[str, Callable[[Element], bool]]:
    """Return the declaration of a need."""
    return reason, holds


class Need(enum.Enum):
    """What a listener or connector must have for a requirement to apply.

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
    NO_TLS = _need(
        "it speaks TLS, where close_notify ends what a client sends: a half-close alone is an error (RFC 8446 §6.1)",
        lambda element: element.tls is None,
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
    FETCH = _need(
        "its manifest does not say how clients name what it fetches (listen.fetch)",
        lambda element: isinstance(element, Listen) and element.fetch is not None,
    )
    MULTICAST = _need(
        "its manifest declares no multicast group of a family that it claims (listen.multicast)",
        _has_multicast,
    )
    LITERALS = _need(
        "it takes no address literals (literals = false in its manifest)",
        lambda element: isinstance(element, Connect) and element.literals,
    )
    NAMES = _need(
        "it takes no host names (names = false in its manifest)",
        lambda element: isinstance(element, Connect) and element.names,
    )

    def __init__(self, reason: str, holds: Callable[[Element], bool]) -> None:
        """Keep the reason that is shown where it is lacking, and the test whether an element has it."""
        self.reason = reason
        self.holds = holds

    @property
    def code(self) -> str:
        """The name that records carry: ``no-dual-udp``."""
        return self.name.lower().replace("_", "-")
