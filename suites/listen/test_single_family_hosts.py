"""A listener starts and serves on hosts that lack one family, in each way in which a family can be lacking."""

from collections.abc import Iterator

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest.models import Reach, Transport
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.replacing import literal_in, replacements, where


def serve_without(world: ListenerWorld, absent: Family) -> None:
    """Start the service on a host without ``absent``, probe the other family, look for packets of the absent one."""
    world.start()
    for address in world.addresses(absent.other):
        world.answers(absent.other, address)
    world.shows_served(absent.other)
    world.shows_no_family(absent)


def degrade(world: ListenerWorld, *, both_over_udp: bool = False) -> None:
    """Require what a host without IPv6 asks of a listener: IPv4 if it claims that, and nothing in place of IPv6 alone.

    Args:
        world: The world.
        both_over_udp: Whether a datagram service of both families must serve IPv4, too: else it is LISTEN-012's.
    """
    listener = world.listener
    for bind, address in told_ipv6_alone(world):
        is_not_replaced(world, bind, address)
    elsewhere = not both_over_udp and listener.transport is Transport.UDP and len(listener.families) > 1
    if Family.IPV4 in listener.families and not elsewhere:
        serve_without(world, Family.IPV6)


def told_ipv6_alone(world: ListenerWorld) -> Iterator[tuple[str | None, str]]:
    """Yield what an IPv6 listen address can be told as, None for the default, and the address (empty: not known)."""
    listener = world.listener
    if listener.families == [Family.IPV6]:
        yield None, literal_in(world.subject.default_bind(listener))
    if listener.bind is not None and listener.bind.ipv6_address and listener.reach is Reach.NETWORK:
        address = world.host.plan.address(Family.IPV6)
        yield world.bind_to(address), address


def is_not_replaced(world: ListenerWorld, bind: str | None, address: str) -> None:
    """Require that the service, told an IPv6 address alone, listens there or not at all."""
    readiness = world.ready(world.launch(bind), [Family.IPV6])
    listener = world.listener
    kind = (listener.port, listener.transport.value)
    rows = [row for row in world.own_sockets() if (row.port, row.transport) == kind]
    wrong = replacements(rows, address)
    happened = f"it listens on {where(wrong or rows)}" if rows else f"it does not listen: {readiness.detail}"
    world.require(
        Finding(
            not wrong,
            f"told to listen on {f'the address {address}' if address else 'IPv6'} alone, the service listens there or "
            "not at all",
            happened + " instead" * bool(wrong),
            level=Level.MUST.value if wrong else "",
        )
    )


@Requirement(
    id="LISTEN-002",
    title="Starts and serves on a host with no IPv4",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="With only IPv6 addresses, and in the strict world without 127.0.0.1 either, the service becomes ready "
    "and serves IPv6.",
    stimulus="Start the service on a host that has no IPv4 address or route; hold an exchange over IPv6.",
    wire="No IPv4 and no ARP frame leaves the host, from before the service starts until it has ended.",
    cites=("RFC 6540 §2", "RFC 4038 §4.2", "draft-ietf-v6ops-ipv6-app-testing: IPv6-only-strict"),
    topologies=("ipv6-only", "ipv6-only-strict"),
    causes=("RC-V4SOCK", "RC-LITERAL", "RC-RESOLVER", "RC-LOOPBACK"),
    needs=(Need.IPV6, Need.NO_DUAL_UDP),
    plain=True,
).attach
def test_host_without_ipv4(world: ListenerWorld) -> None:
    """The service serves IPv6 where there is no IPv4."""
    serve_without(world, Family.IPV4)


@Requirement(
    id="LISTEN-003",
    title="Starts and serves on a host with no IPv6 address",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="Where the host has no IPv6 address, or IPv6 is administratively disabled (disable_ipv6=1: AF_INET6 "
    "sockets exist, but neither ::1 nor any other address), the service becomes ready and serves IPv4 if it claims it. "
    "A listener that is told an IPv6 address alone fails instead: it never listens on another address.",
    stimulus="Start the service on such a host; hold an exchange over IPv4 if it claims that. Start it with one IPv6 "
    "address as listen address, or as it is if it claims IPv6 alone, and look at its sockets.",
    wire="No IPv6 frame leaves the host but what the kernel sends by itself.",
    cites=("RFC 4038 §4.4", "Linux ip-sysctl: disable_ipv6"),
    topologies=("ipv4-only", "ipv4-only-disable-ipv6"),
    causes=("RC-NOINET6", "RC-LOOPBACK", "RC-EXPOSE"),
    needs=(Need.NO_DUAL_UDP_UNTOLD,),
    plain=True,
).attach
def test_host_without_ipv6_address(world: ListenerWorld) -> None:
    """The service serves IPv4 where there is no IPv6 address, and puts nothing in an IPv6 listener's place."""
    degrade(world)


@Requirement(
    id="LISTEN-004",
    title="Starts and serves where AF_INET6 does not exist",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Where socket(AF_INET6) fails with EAFNOSUPPORT (a kernel booted with ipv6.disable=1, some containers) "
    "the service degrades to IPv4 if it claims it. A listener that is told an IPv6 address alone fails instead: it "
    "must never listen on another address.",
    stimulus="Start the service where socket(AF_INET6) fails with EAFNOSUPPORT; hold an exchange over IPv4 if it "
    "claims that. Start it with one IPv6 address as listen address, or as it is if it claims IPv6 alone, and look at "
    "its sockets.",
    wire="IPv4 connection attempts are answered; no IPv6 frame leaves the host.",
    cites=("RFC 4038 §4.4, §6.3.1",),
    topologies=("ipv4-only-no-af-inet6",),
    causes=("RC-NOINET6", "RC-EXPOSE"),
    plain=True,
).attach
def test_kernel_without_af_inet6(world: ListenerWorld) -> None:
    """The service serves IPv4 where the kernel knows no AF_INET6, and puts nothing in an IPv6 listener's place."""
    degrade(world, both_over_udp=True)
