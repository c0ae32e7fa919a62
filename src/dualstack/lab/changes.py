"""Changes of a host while a case runs: one class each, which is all that a new change needs.

A change says which kernel settings it writes, which requests to netlink and nftables it makes, and when it has taken
effect.
`Host.apply` carries it inside the host, where `carry_out` makes it; both labs use the same code.
"""

import select
import socket
from dataclasses import asdict, dataclass
from typing import Any, get_args

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError, HostCannot
from dualstack.families import Family
from dualstack.lab import nftables, rtnl, sysctl
from dualstack.lab.ipv6_addresses import LOOK_SECONDS, unready_address

_SECONDS = 5.0
"""Seconds in which a change must take effect."""

_SYN, _PSH, _ACK = 0x02, 0x08, 0x10
"""Flags of TCP segments. Linux sets PSH on the last segment of what a program sends."""

_DETECT_DUPLICATES = {"ipv6/conf/all/accept_dad": "1"}
"""Checks every address that is added from now on for duplicates (RFC 4862 §5.4), unless its adder says otherwise."""


@dataclass(frozen=True, slots=True)
class Link:
    """The interface of a host on the lab's link.

    Attributes:
        interface: Its name.
        ipv4_length: The prefix length of the link's IPv4 network.
        ipv6_length: The prefix length of its IPv6 network.
    """

    interface: str
    ipv4_length: int
    ipv6_length: int

    @property
    def index(self) -> int:
        """The interface's number in the calling thread's network namespace."""
        return socket.if_nametoindex(self.interface)

    def prefix_length(self, address: str) -> int:
        """Return the prefix length of the link's network of an address's family."""
        return self.ipv4_length if Family.of(address) is Family.IPV4 else self.ipv6_length


class _Change:
    """What a change may do; every subclass is a frozen dataclass of texts, numbers and truth values."""

    __slots__ = ()

    def settings(self, _: Link) -> dict[str, str]:
        """Return the kernel settings to write first, by path below /proc/sys/net."""
        return {}

    def steps(self, _: Link) -> list[rtnl.Step]:
        """Return the netlink requests; asked inside the host."""
        return []

    def filters(self, _: Link) -> list[nftables.Message]:
        """Return the requests to nftables; asked inside the host."""
        return []

    def unready(self, _: Link) -> str:
        """Return why the change has not taken effect yet; empty when it has. Asked inside the host."""
        return ""


@dataclass(frozen=True, slots=True)
class AddAddress(_Change):
    """Give the host an address on the link, beside those that it has; usable at once, unless duplicates are detected.

    Attributes:
        address: An address that no other host has; of the lab's networks, or of one that the others have a route to.
        detect: Whether the kernel first looks for duplicates of an IPv6 address (RFC 4862 §5.4): it is tentative for
            1 to 2 s, in which it can be neither bound nor found.
    """

    address: str
    detect: bool = False

    def settings(self, _: Link) -> dict[str, str]:
        """Switch the detection of duplicates on."""
        return _DETECT_DUPLICATES if self.detect else {}

    def steps(self, link: Link) -> list[rtnl.Step]:
        """Add it."""
        return [rtnl.add_address(link.index, self.address, link.prefix_length(self.address), detect=self.detect)]

    def unready(self, link: Link) -> str:
        """Wait until neighbours find an IPv6 address, or until its duplicates are looked for."""
        if Family.of(self.address) is Family.IPV4:
            return ""
        return unready_address(link.interface, self.address, tentative=self.detect)


@dataclass(frozen=True, slots=True)
class RemoveAddress(_Change):
    """Take an address on the link from the host."""

    address: str

    def steps(self, link: Link) -> list[rtnl.Step]:
        """Delete it."""
        return [rtnl.delete_address(link.index, self.address, link.prefix_length(self.address))]


@dataclass(frozen=True, slots=True)
class RouteOverLink(_Change):
    """Route packets for a multicast group, or for a network of other hosts on the link, over the link.

    A default route does this on an ordinary host. Without a route to it, only programs that name an interface can join
    an IPv4 group (ENODEV).
    """

    destination: str

    def steps(self, link: Link) -> list[rtnl.Step]:
        """Add the route."""
        return [rtnl.add_route(link.index, self.destination)]


@dataclass(frozen=True, slots=True)
class SwitchIpv6(_Change):
    """Switch IPv6 off or on for all of the host (net.ipv6.conf.all.disable_ipv6).

    Off removes every IPv6 address; on restores those of the loopback interface and the link-local ones only.
    """

    enabled: bool

    def settings(self, _: Link) -> dict[str, str]:
        """Write the one setting."""
        return {"ipv6/conf/all/disable_ipv6": str(int(not self.enabled))}


@dataclass(frozen=True, slots=True)
class AcceptRouters(_Change):
    """Accept router advertisements on the link from now on, as hosts do by default; the host forwards nothing.

    From each advertised prefix the host makes an address and a temporary one (RFC 8981 §3), checked for duplicates.

    Attributes:
        prefer_temporary: Whether it prefers temporary addresses to public ones (RFC 6724 §5, rule 7).
    """

    prefer_temporary: bool

    def settings(self, link: Link) -> dict[str, str]:
        """Write accept_ra last: it takes effect at once."""
        return _DETECT_DUPLICATES | {
            f"ipv6/conf/{link.interface}/use_tempaddr": "2" if self.prefer_temporary else "1",
            f"ipv6/conf/{link.interface}/accept_ra": "1",
        }


@dataclass(frozen=True, slots=True)
class DropSegments(_Change):
    """Drop TCP segments from the link to an address of the host.

    Attributes:
        name: A name for `AcceptSegments`.
        address: The address.
        ports: The destination ports.
        data: Whether segments that push data are dropped; otherwise SYNs are.
    """

    name: str
    address: str
    ports: tuple[int, ...]
    data: bool = False

    def filters(self, link: Link) -> list[nftables.Message]:
        """Add a filter with a rule for each port."""
        mask, flags = (_SYN | _PSH, _PSH) if self.data else (_SYN | _ACK, _SYN)
        dropped = [nftables.Segments(self.address, port, mask, flags) for port in self.ports]
        return nftables.add_filter(self.name, link.index, dropped)


@dataclass(frozen=True, slots=True)
class AcceptSegments(_Change):
    """Drop no more what `DropSegments` with this name and address drops."""

    name: str
    address: str

    def filters(self, _: Link) -> list[nftables.Message]:
        """Delete the filter."""
        return nftables.delete_filter(self.name, Family.of(self.address))


@dataclass(frozen=True, slots=True)
class LoseRoute(_Change):
    """Have no route to an address on the link: connect() fails with ENETUNREACH."""

    address: str

    def steps(self, _: Link) -> list[rtnl.Step]:
        """Add a route that ends the search in the table that has the link's route."""
        return [rtnl.no_route(self.address)]


@dataclass(frozen=True, slots=True)
class RegainRoute(_Change):
    """Have the link's route to an address again, after `LoseRoute`."""

    address: str

    def steps(self, _: Link) -> list[rtnl.Step]:
        """Delete the route that ends the search."""
        return [rtnl.no_route(self.address, delete=True)]


@dataclass(frozen=True, slots=True)
class LimitSynRetries(_Change):
    """Send a SYN again ``count`` times (net.ipv4.tcp_syn_retries, both families) before connect() fails (ETIMEDOUT)."""

    count: int

    def settings(self, _: Link) -> dict[str, str]:
        """Write the one setting."""
        return {"ipv4/tcp_syn_retries": str(self.count)}


Change = (
    AddAddress
    | RemoveAddress
    | RouteOverLink
    | SwitchIpv6
    | AcceptRouters
    | DropSegments
    | AcceptSegments
    | LoseRoute
    | RegainRoute
    | LimitSynRetries
)

_KINDS: dict[str, type[Change]] = {kind.__name__: kind for kind in get_args(Change)}


def pack(change: Change, link: Link) -> dict[str, Any]:
    """Return a change and the link that it is about as JSON can carry them."""
    return {"change": type(change).__name__, "fields": asdict(change), "link": asdict(link)}


def carry_out(packed: dict[str, Any], *, settings: bool) -> None:
    """Make a change in the calling thread's network namespace; return when it has taken effect.

    Args:
        packed: What `pack` returned.
        settings: Whether to write its kernel settings; false where somebody else has written them.

    Raises:
        HarnessError: The kernel refuses.
        HostCannot: The kernel has no nftables, and the change needs it.
        DeadlineExpired: It did not take effect in time; the message says what was missing.
    """
    change, link = _KINDS[packed["change"]](**packed["fields"]), Link(**packed["link"])
    if settings:
        sysctl.apply(change.settings(link))
    if steps := change.steps(link):
        _do(steps)
    if filters := change.filters(link):
        _filter(filters)
    deadline = Deadline(_SECONDS, f"a change of {link.interface} to take effect")
    while unready := change.unready(link):
        deadline.check(unready)
        select.select([], [], [], LOOK_SECONDS)


def _do(steps: list[rtnl.Step]) -> None:
    """Make netlink requests."""
    kernel = rtnl.Rtnl()
    try:
        kernel.do(*steps)
    except rtnl.StepError as error:
        raise HarnessError(f"the host cannot be changed: {error}") from None
    finally:
        kernel.close()


def _filter(messages: list[nftables.Message]) -> None:
    """Make requests to nftables."""
    try:
        nftables.send(messages)
    except OSError as error:
        if error.errno in nftables.MISSING:
            raise HostCannot(f"this kernel has no nftables ({error}), with which connections are impaired") from None
        raise HarnessError(f"the host cannot be changed: {error}") from None
