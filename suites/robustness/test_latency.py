"""Clients of one family do not wait longer than those of the other."""

from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.prober.messages import Names
from dualstack.prober.names import REVERSE
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.latency import (
    equally_fast,
    equally_fast_apart,
    first_in_time,
    is_late_at_first,
    may_hide_a_delay,
    measure,
    measure_apart,
)


@Requirement(
    id="ROBUST-009",
    title="Both families are answered equally fast",
    level=Level.SHOULD,
    role=Role.LISTENER,
    statement="An exchange over one family takes at most 100 ms longer than over the other, beyond the noise of the "
    "lab, and the first one of a client at most 1 s longer; this also holds where no name server answers for the "
    "names of IPv6 clients, as for many IPv6 networks.",
    stimulus="Start the service, and a name server that does not answer for names below ip6.arpa, and answers at once "
    "that names below in-addr.arpa do not exist. Try exchanges over both families in turn, six of each, and up to 18 "
    "if they differ. The noise is the difference between every second one and the others of the faster family. If that "
    "is large, or no family is fast, start the service for each family and try three exchanges over this one only.",
    wire="No claim: the evidence is the time that each exchange takes; the lowest of each family are compared.",
    cites=("RFC 4038 §4.3", "RFC 8501 §1", "getnameinfo(3)"),
    topologies=("dual-stack",),
    causes=("RC-REVERSELOOKUP",),
    needs=(Need.BOTH, Need.ANSWER, Need.MANY, Need.NETWORK),
).attach
def test_both_families_are_equally_fast(world: ListenerWorld) -> None:
    """Exchanges over one family take no longer than over the other."""
    world.service.start()
    families = world.served()
    if len(families) < len(BOTH):
        what = f"only {families[0].label} is served, which is left to the requirements on reachability"
        world.require(Finding(True, "both families are answered equally fast", what))
        return
    peer = world.peer
    names = Names(tuple(peer.plan.address(family) for family in BOTH), silent=(REVERSE[Family.IPV6],))
    with peer.prober.names(names) as server:
        world.note("on the client's host runs a name server that does not answer for names below ip6.arpa")
        times = measure(world, families)
        world.require(equally_fast(times))
        if world.findings[-1].ok and may_hide_a_delay(times):
            world.note("one family may have delayed the other: clients of one family at a time")
            world.require(equally_fast_apart(measure_apart(world, families)))
        if world.findings[-1].ok and is_late_at_first(times):
            world.service.start()
            world.require(first_in_time(times, measure(world, families)))
        asked = sum(query.name.lower().endswith(REVERSE[Family.IPV6]) for query in server.queries())
    world.note(f"the name server was asked {asked} times for names below ip6.arpa")
