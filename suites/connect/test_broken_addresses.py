"""A connector reaches its server although an address does not work, in whatever way; or ends soon and says why."""

from collections.abc import Iterator

from dualstack.authority import issue
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.lab.impairments import Impairment, Kind, unreachable_codes
from dualstack.prober.client import ServerHandle
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.dialling import tried
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run
from dualstack.world.notations import addresses_in

SYN_RETRIES, DEFAULT_RETRIES = 1, 6
"""How often the kernel repeats a SYN: it gives up after 2 to 3 s, and not after 67 to 127 s as by default."""

KERNELS_LIMIT = 2.0
"""Seconds after which connect() fails at the earliest, if a SYN is repeated once and not answered."""

OWN_LIMIT = 0.9
"""Of timeouts.connect: a connector that gives up later has no shorter time limit, as far as can be told."""

ENOUGH = 2
"""How many failures show that a requirement is not met: each may take the whole time limit."""


@Requirement(
    id="DNS-003",
    title="A broken family does not make a name unreachable",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="If one family of a name does not work, the service reaches it over the other one, in whatever way the "
    "first one fails.",
    stimulus="A name has an A and an AAAA record; the server listens on both. Connections over the family that the "
    "connector tries first are impaired, one way after the other: no answer, a reset, ICMP destination unreachable "
    "(one code for each error that Linux reports), no route. Run the connector each time. A SYN that gets no answer is "
    "repeated once (net.ipv4.tcp_syn_retries = 1): connect() fails after 2 to 3 s, not after 67 to 127 s. A connector "
    "that waits for that runs once more with 6 repetitions, as by default. It may wait until it is stopped, but if it "
    "ends by itself clearly before timeouts.connect is over, it should have reached the other family.",
    wire="Attempts over the impaired family are not answered, or get the reset or ICMP error; another one, over the "
    "other family, is answered.",
    cites=("RFC 8305 §1", "RFC 4038 §6.3.2", "RFC 1123 §2.3"),
    topologies=("dual-stack",),
    causes=("RC-FIRSTADDR", "RC-NOHE", "RC-RESOLVER"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_one_family_is_broken(world: ConnectorWorld) -> None:
    """A name is reached over one family, in whatever way the other one fails.

    The name has other addresses than the name server, to which there must be a route.
    """
    world.limit_syn_retries(SYN_RETRIES)
    with world.serve_at(*(own_address(world, family) for family in BOTH)) as serving:
        tries_ipv6 = is_met(world, serving, next(breakages(world, Family.IPV6, dropped=True)))
        broken = Family.IPV6 if tries_ipv6 else Family.IPV4
        for one in breakages(world, broken, dropped=not tries_ipv6):
            if world.failures >= ENOUGH:
                world.note("the other ways are left out: two have shown the failure")
                return
            is_met(world, serving, one)
        if not world.failures and max(run.seconds for _, _, run in world.connector_runs.done) >= KERNELS_LIMIT:
            leaves_time(world, serving, next(breakages(world, broken, dropped=True)))


def own_address(world: ConnectorWorld, family: Family) -> str:
    """Return an address of the peer that the name server does not have."""
    return world.peer.plan.configured[family][1]


def own_addresses(world: ConnectorWorld) -> dict[Family, tuple[str, ...]]:
    """Return the address of each family that a name has."""
    return {family: (own_address(world, family),) for family in BOTH}


def impairment(world: ConnectorWorld, family: Family, kind: Kind) -> Impairment:
    """Return an impairment of the server's first address of a family."""
    return Impairment(kind, world.peer.plan.address(family), world.connector.port)


def breakages(world: ConnectorWorld, family: Family, *, dropped: bool) -> Iterator[Impairment]:
    """Yield the ways in which connections over a family fail; ``dropped`` says whether SYNs are dropped, too."""
    target = own_address(world, family), world.connector.port
    if dropped:
        yield Impairment(Kind.DROP, *target)
    yield Impairment(Kind.RESET, *target)
    for code in unreachable_codes(family):
        yield Impairment(Kind.UNREACHABLE, *target, code=code)
    yield Impairment(Kind.NO_ROUTE, *target)


def is_met(world: ConnectorWorld, serving: ServerHandle, one: Impairment) -> bool:
    """Require that a name is reached over the family that is not impaired; return whether the other one was tried."""
    with world.impaired(one) as impaired, world.names(a="ok", aaaa="ok", addresses=own_addresses(world)) as name:
        world.connect(name, serving, one.family.other, although=str(one))
        return any(impaired.hits())


def leaves_time(world: ConnectorWorld, serving: ServerHandle, dead: Impairment) -> None:
    """Require that a connector with a time limit of its own does not spend it on an address that does not answer.

    This is a recommendation: whoever starts it may have chosen the limit.
    """
    world.limit_syn_retries(DEFAULT_RETRIES)
    with world.impaired(dead), world.names(a="ok", aaaa="ok", addresses=own_addresses(world)) as name:
        run = world.connector_runs.run(name, serving)
    if run.how is None or run.seconds > OWN_LIMIT * world.subject.manifest.timeouts.connect:
        world.note("it has no shorter time limit of its own: connect() fails when the kernel gives up")
        return
    other = dead.family.other.label
    expected = f"if it ends by itself, it has reached {name} over {other}, although {dead}"
    happened = f"after {run.seconds:.1f} s {run.problem}" if run.problem else f"it has, after {run.seconds:.1f} s"
    world.require(Finding(not run.problem, expected, happened, level=Level.SHOULD.value))


SLOW = 0.4
"""Seconds in which a slow server answers: more than clients wait before they try the next address (RFC 8305 §8)."""

TRIES = 3
"""How often a failed run is repeated: a client that aborts its attempts fails every time."""


@Requirement(
    id="CONNECT-014",
    title="Waits for slow addresses that work",
    level=Level.MUST,
    role=Role.CONNECTOR,
    statement="The service connects to addresses that answer after 400 ms: an attempt that is not answered yet "
    "continues while the next address is tried.",
    stimulus="A name has an A and an AAAA record. First SYN ACKs over both families are sent after 400 ms; then over "
    "one family only, while the other one refuses, each way round. Run the connector each time, and up to two more "
    "times if it fails soon.",
    wire="No claim: whether an attempt of the client ends before its SYN ACK comes is shown in the packets.",
    cites=("RFC 8305 §5", "RFC 9293 §3.8.3"),
    topologies=("dual-stack",),
    causes=("RC-IMPATIENT",),
    needs=(Need.BOTH, Need.NAMES, Need.TCP),
).attach
def test_slow_addresses(world: ConnectorWorld) -> None:
    """A name is reached although its addresses answer late."""
    port = world.connector.port
    late = {family: Impairment(Kind.HOLD, world.peer.plan.address(family), port, seconds=SLOW) for family in BOTH}
    with world.serve(*BOTH) as serving:
        is_reached(world, serving, None, *late.values())
        for family in BOTH:
            if not world.failures:
                is_reached(world, serving, family, late[family], impairment(world, family.other, Kind.RESET))


def is_reached(world: ConnectorWorld, serving: ServerHandle, over: Family | None, *impairments: Impairment) -> None:
    """Require that a name is reached over a family, or over either, in one of `TRIES` runs."""
    with world.impaired(*impairments), world.names(a="ok", aaaa="ok") as name:
        world.connect(name, serving, over, although=" and ".join(map(str, impairments)), tries=TRIES)


@Requirement(
    id="CONNECT-012",
    title="Ends with an error that names the addresses if none answers",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="If no address of a name answers, the service ends with an error within timeouts.connect (10 s by "
    "default), and the error names every address that it tried.",
    stimulus="A name has an A and an AAAA record; SYNs to both addresses are lost. Run the connector. The kernel "
    "repeats SYNs as by default (67 to 127 s).",
    wire="No attempt is answered. The output has every address to which a SYN was sent, in any notation.",
    cites=("RFC 8305 §5", "RFC 9293 §3.8.3"),
    topologies=("dual-stack",),
    causes=("RC-NOTIMEOUT", "RC-LIMITEACH", "RC-NOHE", "RC-NAMELESSERROR"),
    needs=(Need.NAMES, Need.TCP, Need.ENDS),
).attach
def test_no_address_answers(world: ConnectorWorld) -> None:
    """The connector fails in time, and says where it could not connect."""
    dead = [impairment(world, family, Kind.DROP) for family in BOTH]
    with world.serve(*BOTH) as serving, world.impaired(*dead), world.names(a="ok", aaaa="ok") as name:
        run = world.connector_runs.run(name, serving)
    limit = world.subject.manifest.timeouts.connect
    how = f"it {run.how} after {run.seconds:.1f} s" if run.how else run.fault
    world.require(Finding(run.how is not None, f"if no address of {name} answers, it ends within {limit:g} s", how))
    if run.how is None:
        return
    world.require(Finding(bool(run.fault), "it reports an error", how))
    made = {item.dst for item in tried(world.wire(), world.connector.port)}
    unnamed = sorted(made - addresses_in(world.journal.outputs[-1]))
    world.require(
        Finding(
            not unnamed,
            f"its output names the addresses that it tried: {', '.join(sorted(made))}",
            f"it does not name {', '.join(unnamed)}" if unnamed else "it names them",
            symptoms=(Symptom.UNNAMED_ADDRESS,),
        )
    )


@Requirement(
    id="CONNECT-016",
    title="What happens if an address is dead after the handshake",
    level=Level.OBSERVE,
    role=Role.CONNECTOR,
    statement="If the connection is established and then no data arrives, or no answer comes once TLS is established, "
    "a client may try the next address or end with an error (RFC 8305 §9.2 leaves it open).",
    stimulus="A name has an A and an AAAA record. The address that the connector tries first accepts the connection, "
    "and all data sent to it is lost; with TLS, in a second run, its server ends the handshake and sends nothing. The "
    "other address works. Run the connector each time.",
    wire="No claim: whether the connector tries the other address, and how long it waits, is reported.",
    cites=("RFC 8305 §9.2",),
    topologies=("dual-stack",),
    causes=("RC-NOTIMEOUT", "RC-NOHE"),
    needs=(Need.BOTH, Need.NAMES, Need.TCP, Need.ANSWER),
).attach
def test_dead_after_the_handshake(world: ConnectorWorld) -> None:
    """Which address the connector reaches, and when it ends, if the first one is dead after the handshake."""
    first = Family.IPV6
    with world.serve(*BOTH) as serving:
        for first in reversed(BOTH):
            one = impairment(world, first, Kind.STALL)
            with world.impaired(one) as impaired, world.names(a="ok", aaaa="ok") as name:
                run = world.connector_runs.run(name, serving)
                tries_it = any(impaired.hits())
            if tries_it:
                world.require(after_handshake(str(one), run))
                break
    if world.connector.tls is not None:
        quiet, live = (world.peer.plan.address(family) for family in (first, first.other))
        with (
            world.serve_silently(quiet) as silent,
            world.serve_at(live) as serving,
            world.names(a="ok", aaaa="ok") as name,
        ):
            silent.present(issue([name]))
            run = world.connector_runs.run(name, serving)
        world.require(after_handshake(f"{quiet} sends no answer after the TLS handshake", run))


def after_handshake(what: str, run: Run) -> Finding:
    """Return whether a run reached the other address, and how it ended."""
    happened = run.problem or f"it succeeded: {run.reached}"
    return Finding(not run.problem, f"it reaches the other address ({what})", f"{happened}, after {run.seconds:.1f} s")
