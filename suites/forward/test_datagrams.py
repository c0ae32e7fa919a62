"""A UDP relay keeps its clients apart, and opens nothing to others."""

from dualstack.errors import NothingToJudge
from dualstack.families import Family, endpoint
from dualstack.finding import Finding, Symptom
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import RelayWorld
from dualstack.world.associations import Associations, Sockets, UdpClient, begun, only_its_own

EARLY = 0.8
"""Of the idle time: a socket that changes before that does not change because a time is over."""


@Requirement(
    id="FORWARD-009",
    title="UDP clients get the answers that are for them",
    level=Level.MUST,
    role=Role.RELAY,
    statement="A UDP relay knows for each datagram of the server for which client it is, also if it comes after "
    "datagrams of other clients, and sends it from the address and port to which this client has sent. It passes on "
    "every datagram of a client, also those after the first answer.",
    stimulus="Three clients of each family, of which some have the same port or the same address, send one datagram "
    "each. When all have arrived, the server answers them in reverse order, and then in their order. Then each "
    "client sends another datagram, and the server answers it.",
    wire="On the server's host the relay sends over the server's family; on the client's host each datagram of the "
    "relay comes from the address and port that the client sent to.",
    cites=("RFC 4787 §4.1", "RFC 8085 §5.2", "RFC 4038 §6.1"),
    topologies=("relay",),
    causes=("RC-CLIENTKEY", "RC-PEEROVERWRITTEN"),
    needs=(Need.UDP, Need.NETWORK, Need.REPLIES),
).attach
def test_clients_get_their_own_answers(world: RelayWorld) -> None:
    """Each of several clients gets both answers that the server sends to it, and no others."""
    judged = []
    for back, both in begun(world, several=True):
        expected: dict[UdpClient, list[str]] = {client: [] for client in both.clients}
        for client in (*reversed(both.clients), *both.clients):
            expected[client].append(both.answer(client))
        for client, got in both.got(expected).items():
            world.require(only_its_own(client, back, expected[client], got))
        for client in both.clients:
            served_again(world, both, client, back)
        judged.append(back)
    for back in judged:
        world.shows_back(back)


@Requirement(
    id="FORWARD-010",
    title="A UDP client is forgotten when it was idle, not before, and served again",
    level=Level.MUST,
    role=Role.RELAY,
    statement="While datagrams pass for a UDP client, the relay keeps its socket towards the server. When nothing "
    "has passed for the time that the manifest declares, the relay closes it: later datagrams to that port reach no "
    "client. A later datagram of the client is passed on and answered like the first one.",
    stimulus="A client of each family sends datagrams, each of which the server answers, for one and a half times the "
    "declared time, four in each of these times. The server must see one port. Then wait until the relay has closed "
    "this socket, twice the declared time and 5 s at most. The server sends to the old port; the client sends again, "
    "and the server answers.",
    wire="On the server's host all datagrams of the busy client have one source port. The datagram to the old port is "
    "answered by ICMP port unreachable, or not at all.",
    cites=("RFC 4787 §4.3", "RFC 8085 §3.5"),
    topologies=("relay",),
    causes=("RC-LEAK", "RC-AGE", "RC-NEWSESSION"),
    needs=(Need.UDP, Need.NETWORK, Need.REPLIES, Need.UDP_IDLE),
).attach
def test_idle_clients_are_forgotten(world: RelayWorld) -> None:
    """The socket of a busy client is kept, that of an idle one is closed, and the client is served again."""
    for back, both in begun(world, several=False):
        for client in both.clients:
            world.require(kept(both, client, back))
        if not all(forgotten(world, both, client, back) for client in both.clients):
            return


def kept(both: Associations, client: UdpClient, back: Family) -> Finding:
    """Return whether a client that is never idle keeps its socket towards the server for more than the idle time."""
    places = list(both.places(client))
    first = places[0][1]
    other = next(((seconds, place) for seconds, place in places if place != first), None)
    happened = f"they come from {endpoint(*first)}"
    return Finding(
        other is None,
        f"the {back.label} server gets all datagrams of the client at {client}, which is never idle, from one port",
        f"{happened}, and after {other[0]:.1f} s from {endpoint(*other[1])}" if other else happened,
        symptoms=(Symptom.NEW_SESSION if other[0] < EARLY * both.idle else Symptom.FORGOTTEN_BUSY,) if other else (),
    )


def forgotten(world: RelayWorld, both: Associations, client: UdpClient, back: Family) -> bool:
    """Require that a client is forgotten when it was idle, and served again; return whether it was forgotten."""
    old = endpoint(*both.seen_from[client])
    gone = both.socket_is_gone(client)
    happened = "it has" if gone else f"{old} is still open"
    expected = f"after {both.idle:g} s the relay has closed the socket that the client at {client} had"
    world.require(Finding(gone, expected, happened, symptoms=() if gone else (Symptom.GROWTH,)))
    if not gone:
        return False
    both.got({client: []})  # what came late to the busy client
    both.answer(client)
    served_again(world, both, client, back)
    return True


def served_again(world: RelayWorld, both: Associations, client: UdpClient, back: Family) -> None:
    """Require that another datagram of a client reaches the server, and that its answer alone reaches the client."""
    again = both.ask(client)
    expected = f"the next datagram of the client at {client} reaches the server"
    symptoms = () if again else (Symptom.NOT_SENT_AGAIN,)
    world.require(Finding(again, expected, "it does" if again else "it does not", symptoms=symptoms))
    texts = [both.answer(client)] if again else []
    world.require(only_its_own(client, back, texts, both.got({client: texts})[client]))


@Requirement(
    id="FORWARD-011",
    title="The relay's UDP sockets take datagrams from the server alone",
    level=Level.SHOULD,
    role=Role.RELAY,
    statement="A datagram for the socket that a UDP relay uses towards its server is passed on to the client only if "
    "it comes from the address and port of the server.",
    stimulus="A client of each family sends one datagram. To the port from which the server got it, datagrams are sent "
    "from another address of the server's host, from another port, and from the client's host; then the server "
    "answers. The client must get this answer alone.",
    wire="On the client's host only the answer of the server arrives.",
    cites=("RFC 4787 §5", "RFC 8085 §5.2", "connect(2)"),
    topologies=("relay",),
    causes=("RC-UNCONNECTED",),
    needs=(Need.UDP, Need.NETWORK, Need.REPLIES),
).attach
def test_strangers_reach_no_client(world: RelayWorld) -> None:
    """Datagrams of others to a client's port on the relay reach no client."""
    for back, both in begun(world, several=False):
        for client in both.clients:
            world.require(unreached(world, both, client, back))


def unreached(world: RelayWorld, both: Associations, client: UdpClient, back: Family) -> Finding:
    """Return whether a client gets nothing from others than the server."""
    address, port = both.server_place
    other = world.server.plan.configured[back][1]
    by_place = {}
    for host, place in ((world.server, (other, port)), (world.server, (address, port + 1)), (world.peer, None)):
        own = place or (world.peer.plan.configured[back][0], port)
        with Sockets(host, [own]) as stranger:
            by_place[both.answer(client, stranger)] = endpoint(*own)
    answer = both.answer(client)
    got = both.got({client: [answer]})[client]
    strange = [by_place[item.text] for item in got if item.text in by_place]
    if answer not in [item.text for item in got]:
        raise NothingToJudge("the server's answer does not reach its client: FORWARD-009 covers that")
    return Finding(
        not strange,
        f"the client at {client} gets nothing that others than the server send to {endpoint(*both.seen_from[client])}",
        f"it got datagrams from {' and '.join(strange)}" if strange else "it got the server's answer alone",
        symptoms=(Symptom.STRANGER_PASSED,) if strange else (),
    )
