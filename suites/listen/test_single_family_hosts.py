"""A listener starts and serves on hosts that lack one family, in each way in which a family can be lacking."""

from dualstack.families import Family
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld


def serve_without(world: ListenerWorld, absent: Family) -> None:
    """Start the service on a host without ``absent``, probe the other family, look for packets of the absent one."""
    world.start()
    for address in world.addresses(absent.other):
        world.answers(absent.other, address)
    world.shows_served(absent.other)
    world.shows_no_family(absent)


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
    "sockets exist, but neither ::1 nor any other address), the service becomes ready and serves IPv4.",
    stimulus="Start the service on such a host; hold an exchange over IPv4.",
    wire="No IPv6 frame leaves the host but what the kernel sends by itself.",
    cites=("RFC 4038 §4.4", "Linux ip-sysctl: disable_ipv6"),
    topologies=("ipv4-only", "ipv4-only-disable-ipv6"),
    causes=("RC-NOINET6", "RC-LOOPBACK"),
    needs=(Need.IPV4, Need.NO_DUAL_UDP),
    plain=True,
).attach
def test_host_without_ipv6_address(world: ListenerWorld) -> None:
    """The service serves IPv4 where there is no IPv6 address."""
    serve_without(world, Family.IPV6)


@Requirement(
    id="LISTEN-004",
    title="Starts and serves where AF_INET6 does not exist",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="Where socket(AF_INET6) fails with EAFNOSUPPORT (a kernel booted with ipv6.disable=1, some containers) "
    "the service degrades to IPv4.",
    stimulus="Start the service where socket(AF_INET6) fails with EAFNOSUPPORT; hold an exchange over IPv4.",
    wire="IPv4 connection attempts are answered; no IPv6 frame leaves the host.",
    cites=("RFC 4038 §4.4, §6.3.1",),
    topologies=("ipv4-only-no-af-inet6",),
    causes=("RC-NOINET6",),
    needs=(Need.IPV4,),
    plain=True,
).attach
def test_kernel_without_af_inet6(world: ListenerWorld) -> None:
    """The service serves IPv4 where the kernel knows no AF_INET6."""
    serve_without(world, Family.IPV6)
