"""A relay whose server has a name tries all its addresses, and looks it up again."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Outcome, Query
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import RelayWorld

HAS_BOTH = dict.fromkeys(BOTH, "ok")
"""The answers of a name that has addresses of both families."""

PERIOD = 3.0
"""Seconds for which an answer with a TTL of 0 may still be used: resolvers count whole seconds, or ask periodically."""

PAUSE = 0.5
"""Seconds between two clients."""


@Requirement(
    id="FORWARD-004",
    title="Reaches its server over the other family",
    level=Level.SHOULD,
    role=Role.RELAY,
    statement="If the server's name has addresses of both families and one of them refuses or does not answer, the "
    "relay connects to the other one, and keeps the client waiting until then, for timeouts.connect (10 s by default) "
    "at most.",
    stimulus="The name has an A and an AAAA record. The server listens on one address alone, and the other one "
    "refuses; for each family. If that works, the IPv6 address does not answer: the kernel repeats SYNs as by default, "
    "for 127 s. A client dials each time and waits for timeouts.connect. A relay that does not reach the server over "
    "each family alone is left to FORWARD-001 and FORWARD-002.",
    wire="On the server's host an attempt over the family that works is answered.",
    cites=("RFC 1123 §2.3", "RFC 8305 §5", "RFC 4038 §6.3.2"),
    topologies=("relay",),
    causes=("RC-FIRSTADDR", "RC-NOHE"),
    needs=(Need.TCP, Need.NETWORK, Need.SERVER_BY_NAME, Need.TO_IPV4, Need.TO_IPV6, Need.ANSWER),
).attach
def test_other_family(world: RelayWorld) -> None:
    """The server is reached over the family that works."""
    front, missed = world.families[-1], Symptom.NEXT_ADDRESS_MISSED
    for family in BOTH:
        if not world.reaches(front, family):
            raise NothingToJudge(
                f"it does not reach its server over {family.label} alone: FORWARD-001 and -002 cover that"
            )
    for dead in reversed(BOTH):
        with world.serve(dead.other) as server, world.named(HAS_BOTH) as name:
            although = f"the {dead.label} address of that name refuses"
            world.passes(front, dead.other, server, target=name, although=although, missed=missed)
    if all(finding.ok for finding in world.findings):
        dead, missed = Family.IPV6, Symptom.NEXT_ADDRESS_LATE
        address = world.server.plan.address(dead)
        with world.serve(*BOTH) as server, world.named(HAS_BOTH) as name, world.unanswered(address):
            although = f"the {dead.label} address of that name does not answer"
            world.passes(front, dead.other, server, target=name, although=although, missed=missed)
    for family in BOTH:
        world.shows_back_reached(family)


@Requirement(
    id="FORWARD-012",
    title="Looks the name of its server up again",
    level=Level.SHOULD,
    role=Role.RELAY,
    statement="When the address of the server has changed, a later client is connected to the new one: the relay looks "
    "the name up again when the answer is no longer valid.",
    stimulus="The name has one address with a TTL of 0, and a client is answered. Then the server has another "
    "address of the same family, and the name has that; clients dial the relay, which still runs, until one is "
    "answered, for 3 s at most: many resolvers count whole seconds.",
    wire="On the server's host an attempt to the new address is answered.",
    cites=("RFC 1035 §3.2.1", "RFC 4038 §5.4.3"),
    topologies=("relay",),
    causes=("RC-DNSCACHE",),
    needs=(Need.TCP, Need.NETWORK, Need.SERVER_BY_NAME, Need.ANSWER),
).attach
def test_name_is_looked_up_again(world: RelayWorld) -> None:
    """A later client reaches the new address of the server."""
    front, back = world.families[-1], world.back_families[-1]
    answers = {back: "ttl-0"}
    old, new = world.server.plan.configured[back][:2]
    if not world.reaches(front, back):
        raise NothingToJudge("its server is not reached by a name: FORWARD-001, -002 and -020 cover that")
    with world.serve_at(old) as server, world.named(answers, addresses={back: (old,)}) as name:
        world.passes(front, back, server, target=name)
    asked = len(world.journal.queries)
    with world.serve_at(new) as server, world.named(answers, name=name, addresses={back: (new,)}):
        although, missed = f"the name has the address {new} now", Symptom.KEPT_ADDRESS
        over = Deadline(PERIOD, "the relay to look the name up")
        while not is_answered(world, front, server) and not over.expired:
            Deadline(PAUSE, "the next client").until(lambda: over.expired)
        world.passes(front, back, server, target=name, although=although, missed=missed, start=False)
    world.findings[:] = [with_queries(item, name, world.journal.queries[asked:]) for item in world.findings]


def with_queries(finding: Finding, name: str, queries: Sequence[Query]) -> Finding:
    """Return a finding that the old address was kept with the queries since the change: without any the name was kept.

    Args:
        finding: A finding; one with another symptom is returned unchanged.
        name: The name of the server.
        queries: The queries since the change.
    """
    if Symptom.KEPT_ADDRESS not in finding.symptoms:
        return finding
    count = sum(item.name.lower() == name.lower() for item in queries)
    happened = f"after the change it sent {count or 'no'} {'query' if count == 1 else 'queries'} for the name"
    symptoms = () if count else finding.symptoms
    return replace(finding, happened=f"{happened}; {finding.happened}", symptoms=symptoms)


def is_answered(world: RelayWorld, front: Family, server: ServerHandle) -> bool:
    """Return whether a client is answered over ``front``, and the server has been reached."""
    dialled = world.client.dial(front, world.addresses(front)[0])
    return dialled.outcome is Outcome.ANSWERED and bool(server.accepted())
