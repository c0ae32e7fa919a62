"""A connector resolves names also where a name server answers badly, not at all, or in an unusual way."""

from collections.abc import Callable

from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.manifest import Connect
from dualstack.prober.handles import ServerHandle
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.dialling import tried
from dualstack.wire.dns import DNS_PORT, dns_queries
from dualstack.wire.evidence import CaptureData
from dualstack.world import ConnectorWorld
from dualstack.world.associations import Sockets
from dualstack.world.connecting import Run

LONGEST = 20.0
"""Seconds from the first query to an attempt; resolv.conf(5) gives a name server 5 s, and asks it twice."""

PROMPT = 6.0
"""The same where resolv.conf sets ``timeout:1``."""

PATIENCE = 25.0
"""Seconds for a run whose look-up may take `LONGEST`."""

RCODES = ("nxdomain", "servfail", "refused", "notimp", "formerr")

BROKEN = {
    Family.IPV6: (*RCODES, "short", "cut", "pointer", "other"),
    Family.IPV4: ("nxdomain", "servfail"),
}
"""How the query for a family's addresses is answered badly; RFC 4074 is about AAAA."""


@Requirement(
    id="DNS-007",
    title="Connects although AAAA queries are never answered",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="If a name server answers queries for A and never those for AAAA, the service connects over IPv4: its "
    "first attempt begins within 20 s of its first query, and should begin within 6 s if resolv.conf sets timeout:1. A "
    "service that connects with timeout:1, and has a time limit shorter than the default, deviates.",
    stimulus="The lab's name server answers A with the server's address and ignores AAAA. Run the connector with "
    "timeout:1 in resolv.conf, then with the default of 5 s. With timeout:1 it is also run while A is ignored and AAAA "
    "answered; that result is a step, and does not count: the GNU C library then fails.",
    wire="An IPv4 attempt follows the first query for the name within the time.",
    cites=("RFC 4074 §4.1", "RFC 8305 §3", "resolver(5)"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.IPV4, Need.NAMES),
).attach
def test_unanswered_aaaa(world: ConnectorWorld) -> None:
    """A name whose AAAA queries are never answered is reached over IPv4."""
    names = []
    with world.serve(Family.IPV4) as serving:
        for options in ("timeout:1", ""):
            with world.resolvers(options=options), world.names(a="ok", aaaa="drop") as name:
                names.append(name)
                excuse = None if options else own_limit(world)
                if not world.connect(name, serving, Family.IPV4, patience=PATIENCE, excuse=excuse):
                    return
    if Family.IPV6 in world.families:
        with (
            world.resolvers(options="timeout:1"),
            world.names(a="drop", aaaa="ok") as name,
            world.serve(Family.IPV6) as serving,
        ):
            world.connector_runs.run(name, serving)
    quick, slow = names
    world.shows(lambda wire: dials_within(wire, world.connector, quick, PROMPT, Level.SHOULD))
    world.shows(lambda wire: dials_within(wire, world.connector, slow, LONGEST, Level.MUST))


def own_limit(world: ConnectorWorld) -> Callable[[Run], str]:
    """Return what excuses a run whose own time limit ends the look-up.

    CONNECT-012 asks for a time limit, which may be shorter than the 15 s that glibc waits for answers. A command ends
    then; a daemon, which connects if it gets the answers soon, tries again.
    """
    quick = world.connector_runs.done[-1][2].seconds

    def excuse(run: Run) -> str:
        if world.connector.runs_on:
            return "; with timeout:1 it connects, so its own time limit is shorter than the look-up takes by default"
        ended = run.how is not None and quick <= run.seconds < PATIENCE
        return f"; it took {run.seconds:.1f} s, so its own time limit ended it: with timeout:1 it connects" * ended

    return excuse


def dials_within(wire: CaptureData, connector: Connect, name: str, limit: float, level: Level) -> Finding:
    """Return whether the first IPv4 attempt after the first query for ``name`` begins within ``limit`` seconds.

    Raises:
        Inconclusive: The capture is not whole, or shows no such query or attempt.
    """
    asked = next((query.time for query in dns_queries(wire) if query.name == name), None)
    if asked is None:
        raise Inconclusive(f"{wire.name}: there is no query for {name}, so the delay is unknown")
    begun = tried(wire.since(asked), connector.port, connector.transport, Family.IPV4)
    delay = min(item.time for item in begun) - asked
    return Finding(
        delay <= limit,
        f"the first IPv4 attempt begins within {limit:g} s of the first query for {name}",
        f"it began after {delay:.1f} s",
        level=level.value,
    )


@Requirement(
    id="DNS-008",
    title="A failed query for one type leaves the other type's addresses",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="If the query for one of A and AAAA is answered with an error or a malformed message, and the other with "
    "an address, the service connects to that address.",
    stimulus="The server listens on IPv4 only, and AAAA is answered with NXDOMAIN, SERVFAIL, REFUSED, NOTIMP and "
    "FORMERR, with an AAAA record of 4 bytes, a message that ends too early, a compression pointer to itself, and a "
    "record of another name; run the connector each time, until it fails. Then the server listens on IPv6 only, and A "
    "is answered with NXDOMAIN and SERVFAIL.",
    wire="No claim: the exchange with the server is the evidence.",
    cites=("RFC 4074 §4.2", "RFC 4074 §4.3", "RFC 4074 §4.4", "RFC 8305 §3"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.NAMES,),
).attach
def test_failed_query_for_one_type(world: ConnectorWorld) -> None:
    """Whatever is wrong with the answer for one type, the address of the other type is used."""
    for family in world.families:
        with world.serve(family) as serving:
            for behaviour in BROKEN[family.other]:
                answers = {family.record.lower(): "ok", family.other.record.lower(): behaviour}
                with world.names(a=answers["a"], aaaa=answers["aaaa"]) as name:
                    if not world.connect(name, serving, family):
                        break


def reach_name(world: ConnectorWorld, behaviour: str) -> None:
    """Run the connector towards a name whose A and AAAA queries are answered alike; require that it connects."""
    with world.names(a=behaviour, aaaa=behaviour) as name, world.serve(*world.families) as serving:
        world.connect(name, serving)


@Requirement(
    id="DNS-012",
    title="Asks again over TCP if an answer is truncated",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="If an answer over UDP has the TC bit, the service asks the same question over TCP and uses that answer.",
    stimulus="The lab's name server answers A and AAAA over UDP with the TC bit and no record, and over TCP with the "
    "server's addresses; run the connector.",
    wire="No claim: the addresses are in the answers over TCP only, so the exchange with the server is the evidence.",
    cites=("RFC 7766 §5", "RFC 1035 §4.2.1", "RFC 2181 §9"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.NAMES,),
).attach
def test_truncated_answers(world: ConnectorWorld) -> None:
    """A name whose addresses are in answers over TCP only is reached."""
    reach_name(world, "tc")


@Requirement(
    id="DNS-013",
    title="Follows CNAME records",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="A name that is an alias (CNAME) of an alias is reached at the addresses of the last name in the chain.",
    stimulus="The lab's name server answers A and AAAA with a chain of three CNAME records and the server's address; "
    "run the connector.",
    wire="No claim: the addresses belong to the last name only, so the exchange with the server is the evidence.",
    cites=("RFC 1034 §3.6.2", "RFC 1034 §5.2.2", "RFC 2181 §10.1"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.NAMES,),
).attach
def test_aliases(world: ConnectorWorld) -> None:
    """A name that is an alias is reached."""
    reach_name(world, "cname-3")


@Requirement(
    id="DNS-016",
    title="An AAAA record that cannot be meant does not prevent A",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="If the AAAA record of a name is ::1 or an IPv4-mapped address, at which the service reaches no server, "
    "the service uses the A record.",
    stimulus="The server listens on IPv4. The name's A record is the server's address, and its AAAA record is ::1, "
    "then ::ffff:127.0.0.1; run the connector each time.",
    wire="An IPv4 attempt goes to the server.",
    cites=("RFC 4291 §2.5.3", "RFC 4291 §2.5.5.2", "RFC 6724 §2", "RFC 8305 §5"),
    topologies=("dual-stack",),
    causes=("RC-FIRSTADDR", "RC-RESOLVER"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_unusable_aaaa(world: ConnectorWorld) -> None:
    """A loopback or IPv4-mapped AAAA record does not prevent a connection over IPv4."""
    with world.serve(Family.IPV4) as serving:
        for behaviour in ("loopback", "mapped"):
            with world.names(a="ok", aaaa=behaviour) as name:
                world.connect(name, serving, Family.IPV4)
    world.shows_connected(Family.IPV4)


@Requirement(
    id="DNS-017",
    title="Asks a name server over IPv6 on a dual-stack host",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="On a host with both families, the service resolves names also if the only name server in resolv.conf is "
    "an IPv6 address.",
    stimulus="The file /etc/resolv.conf names the lab's name server by its IPv6 address only; it answers A and AAAA "
    "with the server's addresses. Run the connector.",
    wire="A query for the name was sent over IPv6.",
    cites=("RFC 6540 §2", "RFC 3596 §4", "resolver(5)"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.NAMES,),
).attach
def test_ipv6_name_server(world: ConnectorWorld) -> None:
    """A name is reached where the only name server has an IPv6 address."""
    with world.resolvers(world.peer.plan.configured[Family.IPV6][0]):
        reach_name(world, "ok")
    over = {query.family for query in dns_queries(world.wire())}
    seen = ", ".join(family.label for family in BOTH if family in over) or "no family"
    world.require(Finding(Family.IPV6 in over, "it queries the name server over IPv6", f"it queried over {seen}"))


@Requirement(
    id="DNS-018",
    title="Which name server is asked if the first one does not answer",
    level=Level.OBSERVE,
    role=Role.CONNECTOR,
    statement="If resolv.conf names a name server of each family, and the first one does not answer, a stub resolver "
    "asks the second one (RFC 1123 §6.1.3.1). A program with its own resolver may ask only the first one.",
    stimulus="For each family in turn, the file names a live name server of that family, to see that the service uses "
    "it. Then it names a dead name server of the other family before it, with timeout:1: one whose port is closed, "
    "and one that is silent. Run the connector each time.",
    wire="No claim: only the live name server has the server's addresses, so the exchange with the server is the "
    "evidence.",
    cites=("RFC 1123 §6.1.3.1", "RFC 1035 §7.2", "resolver(5)"),
    topologies=("dual-stack",),
    causes=("RC-RESOLVER",),
    needs=(Need.NAMES, Need.RESOLV_CONF),
).attach
def test_second_name_server(world: ConnectorWorld) -> None:
    """Whether a name is reached although the first name server is closed or silent."""
    own = world.peer.plan.configured
    judged = False
    with world.serve(*world.families) as serving:
        for family in BOTH:
            live, dead = own[family][0], own[family.other][1]
            if not reaches(world, live, serving):
                continue
            judged = True
            for what, places in (("closed", []), ("silent", [(dead, DNS_PORT)])):
                with (
                    Sockets(world.peer, places),
                    world.resolvers(dead, live, options="timeout:1"),
                    world.names(a="ok", aaaa="ok") as name,
                ):
                    run = world.connector_runs.run(name, serving, patience=PATIENCE)
                world.require(by_the_second(f"the first one, {dead}, is {what}", run))
                if run.problem:
                    break
    if not judged:
        raise NothingToJudge("it reaches no server by the name server of one family: DNS-017 covers that")


def reaches(world: ConnectorWorld, name_server: str, serving: ServerHandle) -> bool:
    """Run the connector with one name server; return whether it connects."""
    with world.resolvers(name_server), world.names(a="ok", aaaa="ok") as name:
        return not world.connector_runs.run(name, serving).problem


def by_the_second(although: str, run: Run) -> Finding:
    """Return whether a run has connected, and after how long."""
    happened = run.problem or f"it succeeded: {run.reached}"
    return Finding(
        not run.problem,
        f"it resolves the name by the second name server, although {although}",
        f"{happened}, after {run.seconds:.1f} s",
    )
