"""Many clients of both families at once: every answer reaches the client that sent the request."""

from collections.abc import Iterator, Sequence

from dualstack.counting import count, verb
from dualstack.errors import NothingToJudge
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.datagrams import DatagramClient, DatagramResult, exchange_datagrams
from dualstack.world.limits import wait_out_limits

ROUNDS = 17
"""Requests per client: 102 requests of the six clients of both families."""

FIRST, SECOND, ALONE, NEW = 20001, 20002, 20003, 20004
"""The clients' ports, outside the kernel's ephemeral range."""


def clients(world: ListenerWorld, family: Family) -> Iterator[DatagramClient]:
    """Yield three clients that differ in address alone or in port alone."""
    one, other = world.peer.plan.configured[family]
    for source, port in ((one, FIRST), (other, FIRST), (one, SECOND)):
        yield DatagramClient(world.addresses(family)[0], source, port)


@Requirement(
    id="UDP-004",
    title="Every client gets its own answers",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The whole address of each client, all sixteen bytes of an IPv6 one, is kept from the request to the "
    "answer: clients of both families that send requests in turn never get each other's answers.",
    stimulus="Interleave about a hundred requests of three IPv4 and three IPv6 clients, some of which have the same "
    "port or the same address. A family over which the port is refused is left to the requirements on reachability. If "
    "answers are only missing, one client alone sends as many requests: a service that does not answer all of them "
    "either limits its answers, and is not judged, unless it answers this client never again, and at once a new one "
    "at the same address.",
    wire="Every client is answered from the address and port to which it sent its requests.",
    cites=("RFC 4038 §6.1", "RFC 3493 §3.3, §6.1", "recvfrom(2)"),
    topologies=("dual-stack",),
    causes=("RC-CLIENTKEY", "RC-SOCKADDR"),
    needs=(Need.UDP, Need.REPLIES, Need.MANY, Need.NETWORK),
).attach
def test_every_client_gets_its_own_answers(world: ListenerWorld) -> None:
    """Each client gets its own answers and no others."""
    world.service.start()
    families = [
        family
        for family in world.families
        if world.revive(world.client.dial(family, world.addresses(family)[0])).outcome is not Outcome.REFUSED
    ]
    if not families:
        raise NothingToJudge("no request reaches the service: the requirements on reachability cover that")
    results = exchange_datagrams(world, [one for family in families for one in clients(world, family)], ROUNDS)
    if not any(result.unexpected for result in results) and any(result.unanswered for result in results):
        require_no_limit(world, results)
    for result in results:
        faults = [f"{result.unanswered} of {len(result.requests)} were not"] if result.unanswered else []
        others = len(result.unexpected)
        stray = f"it got {count(others, 'datagram')} that {verb(others, 'answers', 'answer')} none of them"
        faults += [stray] if others else []
        expected = f"all requests of the client at {result.name} are answered, and it gets no other answers"
        symptoms = (Symptom.OTHERS_ANSWERS,) if result.unexpected else ()
        happened = "; ".join(faults) or f"all {len(result.requests)} were"
        world.require(Finding(not faults, expected, happened, symptoms=symptoms))
    for family in families:
        world.shows_served(family)


def require_no_limit(world: ListenerWorld, results: Sequence[DatagramResult]) -> None:
    """Check that one of these clients, alone and from another port, has all its requests answered.

    It sends as many as all of them together should have sent. A service that has ended, or does not answer its first
    request either, has another reason.

    Raises:
        NothingToJudge: Some of its requests are answered, and one is not: the service limits its answers.
    """
    best = min(results, key=lambda result: result.unanswered).client
    wait_out_limits()
    world.note("control: one client alone sends as many requests as all clients together")
    alone = DatagramClient(best.address, best.source, ALONE)
    (control,) = exchange_datagrams(world, [alone], ROUNDS * len(results))
    if 0 < control.unanswered < len(control.requests) and not world.service.exit_status_text():
        if is_given_up(world, alone):
            return
        answered = len(control.requests) - control.unanswered
        some = count(answered, "request")
        raise NothingToJudge(f"it limits its answers: of one client alone it answers {some}, and no more")


def is_given_up(world: ListenerWorld, client: DatagramClient) -> bool:
    """Return whether a client is not answered after a pause either, and another one at its address is at once."""
    wait_out_limits()
    other = DatagramClient(client.address, client.source, NEW)
    again, new = (exchange_datagrams(world, [one], 1)[0] for one in (client, other))
    return bool(again.unanswered) and not new.unanswered
