"""A finding: what was expected, and what happened."""

import enum
from dataclasses import dataclass


@enum.unique
class Symptom(enum.StrEnum):
    """What a finding that is not as expected shows about the cause."""

    ADDRESS_TYPE = "address type"
    """A session description names the type of the other family beside an address that the client can use."""
    BAD_CHECKSUM = "bad checksum"
    CUT_ADDRESS = "cut address"
    """An IPv6 address comes back from a field as another one."""
    CUT_AT_COLON = "cut at colon"
    """An IPv6 address in a URL ends at its first colon."""
    BUSY_WITH_CLIENT = "busy with client"
    """A thread runs without a pause while an idle client is connected, or since it has left."""
    BUSY_WITHOUT_IPV6 = "busy without IPv6"
    """A thread runs without a pause where IPv6 sockets do not exist."""
    BYPASSED_ROUTER = "bypassed router"
    """Packets for clients behind a router were not sent to the router."""
    ENCODED_BRACKETS = "encoded brackets"
    """A request has the brackets of an IPv6 address in percent-encoding."""
    ENDS_UNREPORTED = "ends unreported"
    """A service that cannot bind its port ends, and does not report the error."""
    FAMILY_GIVEN_UP = "family given up"
    """A daemon that has failed over a family does not try it again, although it gets its address."""
    FORWARDED = "forwarded"
    """Forwarded or X-Forwarded-For is written or read wrongly."""
    GROWTH = "growth"
    """The service keeps descriptors, processes or connections of clients that have gone."""
    HALF_CLOSE_LOST = "half-close lost"
    """A relay does not pass on the end of one direction, or ends both directions."""
    KEPT_ADDRESS = "kept address"
    """A daemon connects to an address that its name has no longer, and does not look the name up again."""
    KEPT_FAMILY = "kept family"
    """A daemon looks its name up again, and asks only for addresses of the family that it had before."""
    SHORT_ON_LINK = "short on link"
    """A bulk answer of one family does not arrive as a whole, although no path is to blame."""
    LARGE_PACKET = "large packet"
    """A packet is larger than the path can carry."""
    LAST_BYTES_LOST = "last bytes lost"
    """A relay passes on an end, and not all bytes before it."""
    LISTENS_ELSEWHERE = "listens elsewhere"
    """The service listens on another address instead of its one IPv6 address."""
    LITERAL_REFUSED = "literal refused"
    """A request with an address of one family in Host is refused; one with an address of the other is not."""
    LIMITED_EARLIER = "limited earlier"
    """Under load, more clients of one family than of the other get an error status."""
    MALFORMED_ADDRESS = "malformed address"
    """The service does not refuse a malformed listen address with an error."""
    MAPPED_ADDRESS = "mapped address"
    """An answer holds the IPv4-mapped form of an IPv4 client's address."""
    NO_BRACKETS = "no brackets"
    """An IPv6 address stands in a URL without brackets."""
    NEXT_ADDRESS_LATE = "next address late"
    """A relay waits long for an address of its server that does not answer, before it tries another one."""
    NEXT_ADDRESS_MISSED = "next address missed"
    """A relay does not reach its server although one of the addresses of its name answers."""
    NO_RETRY = "no retry"
    """A daemon does not try again after a failure or a lost connection."""
    FORGOTTEN_BUSY = "forgotten busy"
    """A UDP relay changes the socket of a client that is never idle."""
    IPV4_COUNTED_TOGETHER = "IPv4 counted together"
    """Clients of different IPv4 networks lock one another out, and clients of different IPv6 networks do not."""
    NEW_SESSION = "new session"
    """A UDP relay passes the datagrams of one client on from new ports, before any time is over."""
    NOT_SENT_AGAIN = "not sent again"
    """A UDP relay does not pass on a datagram of a client whose earlier ones reached the server."""
    NOT_KEPT = "not kept"
    """A connection of one family ends after the first answer, and one of the other family is kept."""
    OTHER_ADDRESS = "other address"
    """An IPv4 address comes back from a field as another one."""
    OTHER_SOURCE = "other source"
    """An answer comes from an address that its client asked before, and not from the one that it asked last."""
    OTHER_CERTIFICATE = "other certificate"
    """A client accepts a certificate that is for another address than its target."""
    OTHERS_ADDRESS = "other's address"
    """A client is shown, or logged with, the address of another one that came at the same time."""
    OTHERS_ANSWERS = "others' answers"
    """Clients get answers to the requests of other clients, or share a port and are not all answered."""
    PASV_OVER_IPV6 = "PASV over IPv6"
    """PASV is answered to a client of IPv6."""
    PORT_LOST = "port lost"
    """A request names the port after an IPv4 address, and not after an IPv6 address."""
    PROXY_HEADER = "PROXY header"
    """A PROXY header is written or read wrongly."""
    RELAY_DISTRUSTED = "relay distrusted"
    """What a trusted relay says of its client, in a PROXY header or a field, is not used."""
    STRANGER_TRUSTED = "stranger trusted"
    """A PROXY header of another host than the trusted relay is used."""
    REDIRECT = "redirect"
    """The service follows a redirect to a refused target."""
    RESET_LOST = "reset lost"
    """A relay does not pass a reset on."""
    ROUTER_SERVED = "router served"
    """A client behind a router is not answered, and a client on the router is."""
    SERVER_MISSED = "server missed"
    """A relay accepts a client and does not reach its server."""
    SIDE_PORT = "side port"
    """A port that the service opens for a client beside its connection is not reached."""
    RULE_FORGOTTEN = "rule forgotten"
    """A client that an access rule denies is denied at first, and not after a client that the rule admits."""
    RULE_LOST = "rule lost"
    """A client that an access rule denies is denied at first, and served after a reload."""
    SHARED_ADDRESS = "shared address"
    """A client behind a translator is not served while another one is; a client that shares nothing with it is."""
    FAILS_ALONE = "fails alone"
    """A client that is not served beside another one is not served either once that one has left."""
    SOCKET_LEFT = "socket left"
    """A socket is open after the service was stopped."""
    STALLED = "stalled"
    """The service keeps a connection whose client acknowledges nothing."""
    STILL_RUNS = "still runs"
    """The service does not end after its stop signal."""
    STRANGER_PASSED = "stranger passed"
    """A UDP relay passes on datagrams that do not come from its server."""
    TUNNEL_REFUSED = "tunnel refused"
    """A relay whose client names the target answers that it does not connect to it."""
    UNUSABLE_ADDRESS = "unusable address"
    """An answer hands out an address that its client cannot use."""
    UNNAMED_ADDRESS = "unnamed address"
    """The output does not name an address to which the service could not connect."""
    UNCLEAN_END = "unclean end"
    """The service ends with an error after its stop signal."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation, and what happened.

    Attributes:
        ok: Whether it happened as expected.
        expected: What was expected, one sentence.
        happened: What happened, one sentence.
        packets: The packets that show it, one line each.
        level: ``MUST`` or ``SHOULD``, if it differs from the level of the requirement; else empty.
        symptoms: What it shows about the cause, if it is not as expected.
    """

    ok: bool
    expected: str
    happened: str
    packets: tuple[str, ...] = ()
    level: str = ""
    symptoms: tuple[Symptom, ...] = ()

    @property
    def text(self) -> str:
        """Both in one sentence, which is true whether it is as expected or not."""
        return f"expected: {self.expected}; happened: {self.happened}"
