"""A configured local address applies only to server addresses of the same family."""

from dualstack.counting import count, verb
from dualstack.families import BOTH, Family
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.wire.evidence import CaptureData
from dualstack.world import ConnectorWorld
from dualstack.world.connecting import Run
from dualstack.world.run_attempts import attempts_by_run


@Requirement(
    id="CONNECT-011",
    title="A configured source address applies to its own family only",
    level=Level.SHOULD,
    role=Role.CONNECTOR,
    statement="If a local address is configured, the service uses it towards addresses of the same family, and a name "
    "that has addresses of both families is reached. Towards the other family it uses the kernel's choice, or makes no "
    "attempt; a name that has addresses of the other family only is reached, or is an error at once.",
    stimulus="The service's host has three addresses of each family. Run the connector with the second IPv4 address as "
    "its local address, and then with the second IPv6 address, each time towards three names: one with addresses of "
    "that family only, one with both, and one with the other family only. The server listens on all of them.",
    wire="Every attempt over the family of the local address has that as its source.",
    cites=("RFC 6724 §5", "RFC 8305 §4", "bind(2)"),
    topologies=("multi-address",),
    causes=("RC-WRONGFAMILYSOURCE",),
    needs=(Need.BOTH, Need.NAMES, Need.SOURCE, Need.ENDS),
).attach
def test_source_address(world: ConnectorWorld) -> None:
    """The local address is used over its family, and does not prevent a connection over the other one."""
    sources = []
    with world.serve(*BOTH) as serving:
        for family in BOTH:
            source = world.host.plan.configured[family][1]
            for records, must in (((family,), True), (BOTH, True), ((family.other,), False)):
                a, aaaa = ("ok" if item in records else "none" for item in BOTH)
                with world.names(a=a, aaaa=aaaa) as name:
                    run = world.connector_runs.run(name, serving, source=source)
                sources.append(source)
                world.require(reaches(run, source, " and ".join(item.record for item in records), must=must))
    world.shows(lambda wire: uses_sources(wire, world, sources))


def reaches(run: Run, source: str, records: str, *, must: bool) -> Finding:
    """Return whether a run with a local address reached a name with these records, or may fail and ended by itself."""
    expected = f"with the local address {source} it connects to a name that has {records}"
    if not run.problem or run.unspoken:
        return Finding(True, expected, f"it connected: {run.reached}")
    ended = run.how is not None and not run.how.signal and bool(run.fault)
    return Finding(not must and ended, expected + (", or reports an error" if not must else ""), run.problem)


def uses_sources(wire: CaptureData, world: ConnectorWorld, sources: list[str]) -> Finding:
    """Return whether each run's attempts over the family of its local address have that as their source."""
    made = zip(sources, attempts_by_run(wire, world.connector_runs), strict=True)
    own = [(source, item) for source, tried in made for item in tried if item.family is Family.of(source)]
    others = [f"with {source}: {item}" for source, item in own if item.src != source]
    happened = "; ".join(others[:4]) or f"{count(len(own), 'attempt')} {verb(len(own), 'has', 'have')} it"
    return Finding(bool(own) and not others, "every attempt over the family of the local address has it", happened)
