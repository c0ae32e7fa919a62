"""Races: runs of a connector towards a name of which some addresses are dead or slow, and what their packets show."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dualstack.chart import Chart
from dualstack.errors import Inconclusive, NothingToJudge
from dualstack.families import Family
from dualstack.lab.changes import AddAddress
from dualstack.measure import Measure
from dualstack.prober.messages.pacing import Pace
from dualstack.protocols.certificates import is_address
from dualstack.wire.charting import chart
from dualstack.wire.evidence import CaptureData
from dualstack.wire.racing import Race, lateness, race
from dualstack.world.base import World
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.impaired import Impaired

CALIBRATION_PORT = 65009
"""The port of the client of known delay, above those that Linux gives to clients and those of impairments' proofs."""

CALIBRATION_DELAY, _PAIRS = 0.05, 3
"""Its delay in seconds, and how often it connects for each run of the connector."""

ROUNDING = 0.001
"""Seconds by which a client is late that counts time in whole milliseconds, as most do."""

TRIED_FIRST = (Family.IPV6, Family.IPV4) * 2
"""The families that are impaired, one after the other, until a run tries the impaired one: some clients shuffle."""

_MOST_CHARTS = 3
"""How many runs of a case have a timeline."""


def addresses_of_peer(world: ConnectorWorld, family: Family, number: int) -> tuple[str, ...]:
    """Give the peer more addresses of a family, so that it has at least this number; return them.

    A test may ask again: an address that the peer has already is not added.
    """
    chosen = world.peer.plan.planned[family][:number]
    present = {row.address for row in world.peer.prober.addresses()}
    for address in chosen:
        if address not in present:
            world.peer.apply(AddAddress(address))
    return chosen


def first_over(family: Family, found: Sequence[Race]) -> tuple[Race, ...]:
    """Return the runs of a connector, without those that began over the other family than the impaired one.

    Raises:
        NothingToJudge: All of them did, or none can know an IPv6 address.
        Inconclusive: None made an attempt.
    """
    if not any(race.attempts for race in found):
        raise Inconclusive("the connector made no connection attempt, so there is nothing to judge")
    kept = tuple(race for race in found if race.families[:1] != (family.other,))
    if found and not kept:
        raise NothingToJudge(
            f"its first attempt is over {family.other.label}, so the {family.label} address does not delay it"
        )
    if family is Family.IPV4 and not any(race.lookup("AAAA") for race in kept):
        raise NothingToJudge("it asks for A only, so it knows no IPv6 address; DNS-001 is about that")
    return kept


def tried_for(impaired: Impaired, seconds: float, most: int = 0) -> Callable[[], bool]:
    """Return a function that says whether a run may be stopped: an impaired address was tried long enough ago.

    Args:
        impaired: The impairments; how often they were met counts from now on.
        seconds: How many seconds after the first attempt.
        most: The number of impaired addresses after which a run may be stopped at once; 0 for any number.
    """
    impaired.forget_hits()
    first: list[float] = []

    def enough() -> bool:
        met = [hits for hits in impaired.hits() if hits]
        if met:
            first.append(time.monotonic())
        return bool(first) and (time.monotonic() - first[0] > seconds or (bool(most) and len(met) >= most))

    return enough


def races(world: ConnectorWorld, wire: CaptureData) -> tuple[Race, ...]:
    """Return what each run of the connector put on the wire.

    Raises:
        Inconclusive: The capture is incomplete.
    """
    done = world.connector_runs.done
    ends = [began for _, began, _ in done[1:]] + [float("inf")]
    port = world.connector.port
    found = []
    for (host, began, run), end in zip(done, ends, strict=True):
        name = "" if is_address(host.strip("[]").partition("%")[0]) else host
        found.append(replace(race(wire, port, name, since=began, until=end), ended=str(run.how or "")))
    return tuple(found)


def charts_of(world: World, wire: CaptureData) -> tuple[Chart, ...]:
    """Return the timelines of the first runs of a connector over TCP; none of those that tried one address only."""
    if not isinstance(world, ConnectorWorld) or not world.is_tcp:
        return ()
    try:
        found = races(world, wire)
    except Inconclusive:
        return ()
    return tuple(_charts(world, found))[:_MOST_CHARTS]


def _charts(world: ConnectorWorld, found: Sequence[Race]) -> Iterator[Chart]:
    """Yield the timelines."""
    for number, ((host, _, _), one) in enumerate(zip(world.connector_runs.done, found, strict=True), 1):
        made = chart(one, f"run {number} towards {host}")
        if made is not None and len(made.lanes) > 1:
            yield made


def calibrate(world: ConnectorWorld) -> None:
    """Run the client of known delay beside the connector, on its host; its packets are in the same capture."""
    plan = world.peer.plan
    first, second = plan.address(Family.IPV6), plan.address(Family.IPV4)
    world.host.prober.call(Pace(first, second, CALIBRATION_PORT, CALIBRATION_DELAY, times=_PAIRS))


def error_of(wire: CaptureData) -> float:
    """Return by how many seconds a measured delay may be too long: the lateness of the client of known delay.

    Raises:
        Inconclusive: The client of known delay did not run, or the capture is incomplete.
    """
    late = lateness(wire, CALIBRATION_PORT, CALIBRATION_DELAY)
    if not late:
        raise Inconclusive("the client of known delay did not run, so the error of measured times is not known")
    return max(0.0, *late) + ROUNDING


def measure(world: World, name: str, seconds: Sequence[float], *, error: float, reference: str) -> None:
    """Add a measured time to the case's record."""
    if seconds:
        world.measures.append(Measure.of(name, seconds, error=error, reference=reference))
