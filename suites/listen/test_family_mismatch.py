"""A client of a family that is not served is refused at once, and does not have to wait."""

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.prerequisites import require_ordinary, start_at


@Requirement(
    id="INTEROP-004",
    title="A client of the wrong family is refused, not ignored",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A client of the family that the service does not claim is refused at once: its connection is neither "
    "left half-open nor ignored. Whether such a client may be served is the subject of SEC-004.",
    stimulus="Dial a service that claims one family over the other family.",
    wire="Every connection attempt that is not answered gets a reset within 1 s; every such UDP request gets ICMP "
    "port unreachable.",
    cites=("RFC 9293 §3.10.7.1", "RFC 1122 §4.1.3.1", "RFC 4443 §3.1"),
    topologies=("dual-stack",),
    causes=("RC-EXPOSE", "RC-V6ONLY"),
    needs=(Need.ONE,),
    baseline=True,
).attach
def test_family_mismatch_is_refused(world: ListenerWorld) -> None:
    """Clients of the unclaimed family are refused, never ignored."""
    within = world.subject.manifest.timeouts.refuse
    world.service.start()
    claimed = world.families[0]
    world.answers(claimed, world.addresses(claimed)[0])
    dialled = world.client.dial(claimed.other, world.addresses(claimed.other)[0], timeout=within)
    world.require(
        Finding(
            dialled.outcome in {Outcome.REFUSED, Outcome.ANSWERED},
            f"an {claimed.other.label} client that is not served is refused within {within:g} s",
            dialled.detail,
        )
    )
    if dialled.outcome is Outcome.ANSWERED:
        world.shows_served(claimed.other)
    else:
        world.shows_refused(claimed.other)


@Requirement(
    id="INTEROP-005",
    title="A listener on one IPv6 address takes no IPv4",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that is bound to one IPv6 address accepts IPv6 there and no IPv4, whatever IPV6_V6ONLY is.",
    stimulus="Start the service with its own IPv6 address as listen address; dial it over both families.",
    wire="IPv6 connection attempts are answered, IPv4 ones are reset.",
    cites=("RFC 3493 §3.7, §3.8", "RFC 4942 §4.1"),
    topologies=("dual-stack",),
    causes=("RC-EXPOSE", "RC-V6ONLY"),
    needs=(Need.IPV6, Need.BIND_IPV6_ADDRESS),
).attach
def test_listener_on_one_ipv6_address(world: ListenerWorld) -> None:
    """A listener on one IPv6 address serves IPv6 only."""
    address = world.addresses(Family.IPV6)[0]
    start_at(world, address)
    world.answers(Family.IPV6, address)
    world.refuses(Family.IPV4, world.addresses(Family.IPV4)[0])
    require_ordinary(world, Family.IPV6)
    world.shows_served(Family.IPV6)
    world.shows_refused(Family.IPV4)
