"""A connector reaches a name by whichever addresses the name has and the host can use."""

from dualstack.errors import Inconclusive
from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest import Connect
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.datagrams import dns_answers, dns_queries
from dualstack.wire.dialling import tried
from dualstack.wire.evidence import Wire
from dualstack.world import ConnectorWorld

PROMPT = 1.0
"""Seconds from the last DNS answer to the first attempt over the family that works."""

TRIES = 3
"""How often a run that takes longer is repeated: a stall is there every time, a busy machine is not."""


@Requirement(
    id="CONNECT-003",
    title="Connects to a name that has only AAAA",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="A name with an AAAA record and no A record works.",
    stimulus="The lab's name server answers AAAA with the peer's address and A with no data; run the connector.",
    wire="An AAAA query was sent; every connection attempt is IPv6.",
    cites=("RFC 4038 §5.3", "RFC 3493 §6.1"),
    topologies=("dual-stack", "ipv6-only"),
    causes=("RC-RESOLVER",),
    needs=(Need.IPV6, Need.NAMES),
    plain=True,
).attach
def test_name_with_aaaa_only(world: ConnectorWorld) -> None:
    """A name that has only AAAA is reached over IPv6."""
    with world.names(aaaa="ok") as name, world.serve(Family.IPV6) as serving:
        world.connect(name, serving, Family.IPV6)
    asked = sorted({query.type for query in dns_queries(world.wire())})
    world.require(Finding("AAAA" in asked, "it asks for AAAA", f"it asked for {', '.join(asked) or 'nothing'}"))
    world.shows_connected(Family.IPV6)


@Requirement(
    id="CONNECT-004",
    title="Connects to a name that has only A",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="A name with an A record works; that AAAA has no data does not abort the attempt.",
    stimulus="The lab's name server answers A with the peer's address and AAAA with no data; run the connector.",
    wire="Every connection attempt is IPv4.",
    cites=("RFC 4074 §4", "RFC 8305 §3"),
    topologies=("dual-stack", "ipv4-only"),
    causes=("RC-RESOLVER",),
    needs=(Need.IPV4, Need.NAMES),
    plain=True,
).attach
def test_name_with_a_only(world: ConnectorWorld) -> None:
    """A name that has only A is reached over IPv4."""
    with world.names(a="ok") as name, world.serve(Family.IPV4) as serving:
        world.connect(name, serving, Family.IPV4)
    world.shows_connected(Family.IPV4)


@Requirement(
    id="CONNECT-007",
    title="No stall on an IPv4-only host when the name has AAAA",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="On a host without IPv6 a name with both A and AAAA is reached over IPv4 within 1 s.",
    stimulus="The lab's name server answers A and AAAA on a host that has no IPv6 address; run the connector, "
    "up to three times while it is not prompt.",
    wire="The first IPv4 attempt starts at most 1 s after the last DNS answer; no IPv6 frame leaves the host but what "
    "the kernel sends by itself.",
    cites=("RFC 6724 §6 rule 1", "RFC 8305 §4"),
    topologies=("ipv4-only", "ipv4-only-disable-ipv6", "ipv4-only-no-af-inet6"),
    causes=("RC-FIRSTADDR", "RC-NOHE", "RC-NOINET6", "RC-WRONGFAMILYSOURCE"),
    needs=(Need.IPV4, Need.NAMES),
    plain=True,
).attach
def test_dual_name_on_ipv4_only_host(world: ConnectorWorld) -> None:
    """A name with both records is reached at once where only IPv4 works."""
    for _ in range(TRIES):
        began = world.seconds
        with world.names(a="ok", aaaa="ok") as name, world.serve(Family.IPV4) as serving:
            connected = world.connect(name, serving, Family.IPV4)
        if not connected or world.seconds - began <= PROMPT:
            break
    world.shows(lambda wire: prompt(wire, world.connector))
    world.shows_connected(Family.IPV4)
    world.shows_no_family(Family.IPV6)


def prompt(wire: Wire, connector: Connect) -> Finding:
    """Return whether, in the best of the runs, an IPv4 attempt came soon enough after the last DNS answer before it."""
    tries = [attempt.time for attempt in tried(wire, connector.port, connector.transport, Family.IPV4)]
    answers = [item.time for item in dns_answers(wire) if item.time <= tries[-1]]
    if not answers or min(answers) > tries[0]:
        raise Inconclusive(f"{wire.path}: no DNS answer came before the first attempt, so its delay is not known")
    delay = min(time - max(answer for answer in answers if answer <= time) for time in tries)
    return Finding(
        delay <= PROMPT,
        f"the first IPv4 attempt starts within {PROMPT:g} s of the DNS answers",
        f"it started after {delay * 1000:.1f} ms",
    )


@Requirement(
    id="CONNECT-008",
    title="Works by name on an IPv6-only host",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="On a host with IPv6 and an IPv6 name server only, a name with both A and AAAA is reached over IPv6.",
    stimulus="The lab's name server, reached over IPv6, answers A and AAAA on a host without IPv4; run the connector.",
    wire="Every connection attempt and DNS query is IPv6; no IPv4 and no ARP frame leaves the host.",
    cites=("RFC 6540 §2", "RFC 8305 §7"),
    topologies=("ipv6-only", "ipv6-only-strict"),
    causes=("RC-RESOLVER", "RC-LITERAL"),
    needs=(Need.IPV6, Need.NAMES),
    plain=True,
).attach
def test_dual_name_on_ipv6_only_host(world: ConnectorWorld) -> None:
    """A name with both records is reached where only IPv6 works."""
    with world.names(a="ok", aaaa="ok") as name, world.serve(Family.IPV6) as serving:
        world.connect(name, serving, Family.IPV6)
    world.shows_connected(Family.IPV6)
    world.shows_no_family(Family.IPV4)
