"""The draft's tables, row by row, each with the cases that fill it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from dualstack.families import BOTH, Family
from dualstack.scenarios.model import Evidence, Filling, Plan, Row, Scenario, Side


@dataclass(frozen=True, slots=True)
class Draft:
    """The version of the draft whose tables these are.

    Attributes:
        name: Its name, with its version.
        title: Its title.
        date: The date of this version.
        scenarios: The section that defines the scenarios.
        sections: The section of the table of each plan, with the table's number.
    """

    name: str = "draft-ietf-v6ops-ipv6-app-testing-05"
    title: str = "Testing Applications' IPv6 Support"
    date: str = "9 October 2026"
    scenarios: str = "§2.2"

    def section(self, plan: Plan) -> str:
        """Return the section and number of the table that has the rows of a plan."""
        return "§3.2, Table 2" if plan is Plan.PROXY else "§3.1, Table 1"

    @property
    def url(self) -> str:
        """Where this version is published."""
        name, _, version = self.name.rpartition("-")
        return f"https://datatracker.ietf.org/doc/{name}/{version}/"


DRAFT = Draft()
"""The newest version when these tables were last compared with it."""

_IPV4, _DUAL, _NAT64, _STRICT = Scenario.IPV4_ONLY, Scenario.DUAL_STACK, Scenario.NAT64, Scenario.STRICT


def _cases(over: Iterable[Family], /, note: str = "", **topologies: str) -> Filling:
    """Return a cell that is filled by cases: for each requirement (``LISTEN_001``) the names of its topologies."""
    found = (
        Evidence(requirement.replace("_", "-"), topology, tuple(over))
        for requirement, names in topologies.items()
        for topology in names.split()
    )
    return Filling(tuple(found), note=note)


_ON_IPV4 = "ipv4-only ipv4-only-disable-ipv6"
_ON_IPV6 = "ipv6-only ipv6-only-strict"

_SERVES_IPV4_ALONE = {"LISTEN_003": _ON_IPV4, "LISTEN_004": "ipv4-only-no-af-inet6", "LISTEN_012": _ON_IPV4}
_SERVES_IPV6_ALONE = {"LISTEN_002": _ON_IPV6, "LISTEN_012": _ON_IPV6}
_SERVES_ON_BOTH = {"LISTEN_001": "dual-stack", "LISTEN_012": "dual-stack"}
_SERVES_ONE_ON_BOTH = {**_SERVES_ON_BOTH, "INTEROP_004": "dual-stack"}

_CLIENT_OF_ONE = "the lab's client has the server's family alone; over the other one there is no server to reach"
_CLIENT_OF_BOTH = "the lab's client has both families and dials over this one"
_SERVER_OF_BOTH = "the lab's server has both families, listens on this one, and its name has no other address"
_NAME_OF_BOTH = "the server's name has A and AAAA; the address of the other family is out of the client's reach"
_ENDS_OF_BOTH = "the lab's client and server have both families; the client dials, and the server listens, over one"
_BEHIND = "the translator keeps an IPv4 address for each IPv6 client (RFC 7757); a NAT64 shares one between them"
_MAPPED = "an IPv4 address stands for the IPv6-only server (SIIT-DC, RFC 7755)"
_NOT_TRANSLATED = "the client reaches the server over native IPv6, which no NAT64 translates"

_BASE = (
    Row(Plan.BASE, _DUAL, _IPV4, {
        Side.CLIENT: _cases([Family.IPV4], _SERVER_OF_BOTH, CONNECT_004="dual-stack", CONNECT_002="dual-stack"),
        Side.SERVER: _cases([Family.IPV4], _CLIENT_OF_ONE, **_SERVES_IPV4_ALONE),
    }),
    Row(Plan.BASE, _DUAL, _STRICT, {
        Side.CLIENT: _cases([Family.IPV6], _SERVER_OF_BOTH, CONNECT_003="dual-stack", CONNECT_001="dual-stack"),
        Side.SERVER: _cases([Family.IPV6], _CLIENT_OF_ONE, **_SERVES_IPV6_ALONE),
    }),
    Row(Plan.BASE, _IPV4, _DUAL, {
        Side.CLIENT: _cases([Family.IPV4], _NAME_OF_BOTH, CONNECT_007=f"{_ON_IPV4} ipv4-only-no-af-inet6"),
        Side.SERVER: _cases([Family.IPV4], _CLIENT_OF_BOTH, **_SERVES_ONE_ON_BOTH),
    }),
    Row(Plan.BASE, _NAT64, _IPV4, {
        Side.CLIENT: _cases([Family.IPV6], TRANS_001="nat64-dns64"),
        Side.SERVER: _cases([Family.IPV4], _BEHIND, TRANS_008="nat64-clients"),
    }),
    Row(Plan.BASE, _STRICT, _DUAL, {
        Side.CLIENT: _cases([Family.IPV6], _NAME_OF_BOTH, CONNECT_008=_ON_IPV6),
        Side.SERVER: _cases([Family.IPV6], _CLIENT_OF_BOTH, **_SERVES_ONE_ON_BOTH),
    }),
)  # fmt: skip

_DC = (
    Row(Plan.DC, _IPV4, _NAT64, {
        Side.CLIENT: _cases([Family.IPV4], _MAPPED, TRANS_010="nat64-clients"),
        Side.SERVER: _cases([Family.IPV6], _MAPPED, TRANS_008="nat64-dns64"),
    }),
)  # fmt: skip

_EXTENDED = (
    Row(Plan.EXTENDED, _DUAL, _DUAL, {
        Side.CLIENT: _cases([], CONNECT_009="dual-stack"),
        Side.SERVER: _cases(BOTH, **_SERVES_ON_BOTH),
    }),
    Row(Plan.EXTENDED, _IPV4, _IPV4, {
        Side.CLIENT: _cases([Family.IPV4], CONNECT_004="ipv4-only", CONNECT_002=_ON_IPV4),
        Side.SERVER: _cases([Family.IPV4], **_SERVES_IPV4_ALONE),
    }),
    Row(Plan.EXTENDED, _NAT64, _STRICT, {
        Side.CLIENT: _cases([Family.IPV6], CONNECT_003="nat64-native", CONNECT_001="nat64-native"),
        Side.SERVER: _cases([Family.IPV6], _NOT_TRANSLATED, **_SERVES_IPV6_ALONE),
    }),
    Row(Plan.EXTENDED, _STRICT, _STRICT, {
        Side.CLIENT: _cases([Family.IPV6], CONNECT_003="ipv6-only", CONNECT_001="ipv6-only"),
        Side.SERVER: _cases([Family.IPV6], **_SERVES_IPV6_ALONE),
    }),
)  # fmt: skip


def _relayed(client: Scenario, proxy: Scenario, server: Scenario, filling: Filling) -> Row:
    """Return a row of the table with a proxy."""
    return Row(Plan.PROXY, client, server, {Side.PROXY: filling}, proxy)


_PROXY = (
    _relayed(_DUAL, _IPV4, _DUAL, _cases([Family.IPV4], FORWARD_020="relay-ipv4-only")),
    _relayed(_DUAL, _STRICT, _DUAL, _cases([Family.IPV6], FORWARD_020="relay-ipv6-only-strict")),
    _relayed(_IPV4, _DUAL, _IPV4, _cases([Family.IPV4], _ENDS_OF_BOTH, FORWARD_020="relay")),
    _relayed(_IPV4, _DUAL, _STRICT, _cases([Family.IPV4], FORWARD_001="relay-4-to-6")),
    _relayed(_NAT64, _IPV4, _DUAL, _cases([Family.IPV4], FORWARD_020="relay-nat64")),
    _relayed(_STRICT, _DUAL, _IPV4, _cases([Family.IPV6], FORWARD_002="relay-6-to-4")),
    _relayed(_STRICT, _DUAL, _STRICT, _cases([Family.IPV6], _ENDS_OF_BOTH, FORWARD_020="relay")),
)

ROWS = (*_BASE, *_DC, *_EXTENDED, *_PROXY)
"""Every row of both tables, in the draft's order."""


def rows_of(plans: Iterable[str]) -> tuple[Row, ...]:
    """Return the rows of these plans, in the draft's order."""
    wanted = set(plans)
    return tuple(row for row in ROWS if row.plan.value in wanted)


@cache
def pairs_of(plans: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    """Return each requirement id with each topology that the rows of these plans need."""
    return frozenset(
        (item.requirement, item.topology)
        for row in rows_of(plans)
        for filling in row.fillings.values()
        for item in filling.evidence
    )
