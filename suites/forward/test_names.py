"""A relay whose server has a name tries all its addresses, and looks it up again."""

import time
from collections.abc import Sequence

from dualstack.deadline import Deadline
from dualstack.errors import NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.client import ServerHandle
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.expect import Attempt, attempts
from dualstack.wire.eyeballs import MOST_DELAY, TOLERANCE
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
    "relay connects to the other one, and keeps the client waiting until then. For an address that does not answer it "
    "waits 2 s at most before it tries the other one.",
    stimulus="The name has an A and an AAAA record. The server listens on one address alone, and the other one "
    "refuses; for each family. Then the IPv6 address does not answer; the relay's host gives up an attempt after 2 to "
    "3 s (net.ipv4.tcp_syn_retries = 1). A client dials each time and waits for timeouts.connect. A relay that does "
    "not reach the server over each family alone is left to FORWARD-001 and FORWARD-002.",
    wire="On the server's host an attempt over the family that works is answered. On the relay's host the first "
    "attempt to the IPv4 address begins 2 s after that to the IPv6 address that does not answer, at the latest.",
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
    dead = Family.IPV6
    address = world.server.plan.address(dead)
    with world.serve(*BOTH) as server, world.named(HAS_BOTH) as name, world.unanswered(address):
        although, since = f"the {dead.label} address of that name does not answer", time.time()
        if world.passes(front, dead.other, server, target=name, although=although, missed=missed):
            world.require(in_time(attempts(world.wire(), world.relay.port), since, dead))
    for family in BOTH:
        world.shows_back_reached(family)


def in_time(made: Sequence[Attempt], since: float, dead: Family) -> Finding:
    """Return whether the other family is tried in time; ``dead`` does not answer since then (epoch seconds)."""
    times = {family: [item.time for item in made if item.family is family and item.time >= since] for family in BOTH}
    before, after = (min(times[family], default=None) for family in (dead, dead.other))
    expected = f"{dead.other.label} is tried within {MOST_DELAY:g} s after {dead.label}, whose address does not answer"
    if before is None or after is None or after < before:
        return Finding(True, expected, f"it does not wait for the {dead.label} address")
    ok = after - before <= MOST_DELAY + TOLERANCE
    happened = f"{dead.other.label} follows {dead.label} after {after - before:.3g} s"
    return Finding(ok, expected, happened, symptoms=() if ok else (Symptom.NEXT_ADDRESS_LATE,))


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
    with world.serve_at(new) as server, world.named(answers, name=name, addresses={back: (new,)}):
        although, missed = f"the name has the address {new} now", Symptom.KEPT_ADDRESS
        over = Deadline(PERIOD, "the relay to look the name up")
        while not is_answered(world, front, server) and not over.expired:
            Deadline(PAUSE, "the next client").until(lambda: over.expired)
        world.passes(front, back, server, target=name, although=although, missed=missed, start=False)


def is_answered(world: RelayWorld, front: Family, server: ServerHandle) -> bool:
    """Return whether a client is answered over ``front``, and the server has been reached."""
    dialled = world.client.dial(front, world.addresses(front)[0])
    return dialled.outcome is Outcome.ANSWERED and bool(server.accepted())
