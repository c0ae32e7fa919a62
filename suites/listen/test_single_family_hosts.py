"""A listener starts and serves on hosts that lack one family, in each way in which it can be missing."""

from collections.abc import Iterator

from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.manifest import Scope
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.transport import Transport
from dualstack.world import ListenerWorld
from dualstack.world.replacing import literal_in, replacements, where


def serve_without(world: ListenerWorld, absent: Family) -> None:
    """Start the service on a host without ``absent``, probe the other family, and check for packets of ``absent``."""
    world.service.start()
    for address in world.addresses(absent.other):
        world.answers(absent.other, address)
    world.shows_served(absent.other)
    world.shows_no_family(absent)


def degrade(world: ListenerWorld, *, both_over_udp: bool = False) -> None:
    """Require that, on a host without IPv6, a listener serves IPv4 if it claims it, and never replaces IPv6 alone.

    Args:
        world: The world.
        both_over_udp: Whether a datagram service of both families is judged here; if not, LISTEN-012 covers it.
    """
    listener = world.listener
    for bind, address in ipv6_alone(world):
        is_not_replaced(world, bind, address)
    elsewhere = not both_over_udp and listener.transport is Transport.UDP and len(listener.families) > 1
    if Family.IPV4 in listener.families and not elsewhere:
        serve_without(world, Family.IPV6)


def ipv6_alone(world: ListenerWorld) -> Iterator[tuple[str | None, str]]:
    """Yield each configuration for one IPv6 address (None: the default), with the address (empty: not known)."""
    listener = world.listener
    if listener.families == [Family.IPV6]:
        yield None, literal_in(world.subject.default_bind(listener))
    if listener.bind is not None and listener.bind.ipv6_address and listener.scope is Scope.NETWORK:
        address = world.host.plan.address(Family.IPV6)
        yield world.bind_value(address), address


def is_not_replaced(world: ListenerWorld, bind: str | None, address: str) -> None:
    """Require that the service, configured with an IPv6 address alone, listens there or not at all."""
    readiness = world.service.wait_ready(world.service.launch(bind), [Family.IPV6])
    listener = world.listener
    kind = (listener.port, listener.transport.value)
    rows = [row for row in world.service.sockets.read() if (row.port, row.transport) == kind]
    wrong = replacements(rows, address)
    happened = f"it listens on {where(wrong or rows)}" if rows else f"it does not listen: {readiness.detail}"
    world.require(
        Finding(
            not wrong,
            f"with {f'the address {address}' if address else 'IPv6'} alone as listen address, the service listens "
            "there or not at all",
            happened + " instead" * bool(wrong),
            level=Level.MUST.value if wrong else "",
            symptoms=(Symptom.LISTENS_ELSEWHERE,),
        )
    )


@Requirement(
    id="LISTEN-002",
    title="Starts and serves on a host with no IPv4",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="On a host with only IPv6 addresses, and in the strict topology without 127.0.0.1 too, the service "
    "becomes ready and serves IPv6.",
    stimulus="Start the service on a host without any IPv4 address or route; try an exchange over IPv6.",
    wire="No IPv4 and no ARP frame leaves the host, from before the service starts until it has ended.",
    cites=("RFC 6540 §2", "RFC 4038 §4.2", "draft-ietf-v6ops-ipv6-app-testing: IPv6-only-strict"),
    topologies=("ipv6-only", "ipv6-only-strict"),
    causes=("RC-V4SOCK", "RC-LITERAL", "RC-RESOLVER", "RC-LOOPBACK"),
    needs=(Need.IPV6, Need.NO_DUAL_UDP),
    baseline=True,
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
    "sockets exist, but neither ::1 nor any other address), the service becomes ready, and serves IPv4 if it claims "
    "IPv4. A listener that is configured with an IPv6 address alone fails instead: it never listens on another "
    "address.",
    stimulus="Start the service on such a host; try an exchange over IPv4 if it claims IPv4. Start it with one IPv6 "
    "address as listen address, or unchanged if it claims IPv6 alone, and check its sockets.",
    wire="No IPv6 frame leaves the host, except those that the kernel sends by itself.",
    cites=("RFC 4038 §4.4", "Linux ip-sysctl: disable_ipv6"),
    topologies=("ipv4-only", "ipv4-only-disable-ipv6"),
    causes=("RC-NOINET6", "RC-LOOPBACK", "RC-EXPOSE"),
    needs=(Need.NO_DUAL_UDP_WITHOUT_ADDRESS,),
    baseline=True,
).attach
def test_host_without_ipv6_address(world: ListenerWorld) -> None:
    """The service serves IPv4 without an IPv6 address, and never replaces an IPv6 listener."""
    degrade(world)


@Requirement(
    id="LISTEN-004",
    title="Starts and serves where AF_INET6 does not exist",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Where socket(AF_INET6) fails with EAFNOSUPPORT (a kernel booted with ipv6.disable=1, some containers), "
    "the service falls back to IPv4 if it claims IPv4. A listener that is configured with an IPv6 address alone fails "
    "instead: it must never listen on another address.",
    stimulus="Start the service where socket(AF_INET6) fails with EAFNOSUPPORT; try an exchange over IPv4 if it "
    "claims IPv4. Start it with one IPv6 address as listen address, or unchanged if it claims IPv6 alone, and check "
    "its sockets.",
    wire="IPv4 connection attempts are answered; no IPv6 frame leaves the host.",
    cites=("RFC 4038 §4.4, §6.3.1",),
    topologies=("ipv4-only-no-af-inet6",),
    causes=("RC-NOINET6", "RC-EXPOSE"),
    baseline=True,
).attach
def test_kernel_without_af_inet6(world: ListenerWorld) -> None:
    """The service serves IPv4 without AF_INET6, and never replaces an IPv6 listener."""
    degrade(world, both_over_udp=True)
