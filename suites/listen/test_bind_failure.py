"""A listener that cannot be bound is reported as an error, and the service does not continue with one family."""

from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Await, Exit, Hold, SocketRow
from dualstack.requirement import Level, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.complaints import IN_USE, in_use_line, naming_line, new_lines

REPORT_WITHIN = 10.0
"""Seconds within which a service must fail, or show that it is not ready, beside what its start takes."""

NEVER = r"(?!)"
"""A regular expression that no line matches."""


@Requirement(
    id="LISTEN-009",
    title="A bind failure is reported and fatal",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="If a declared listener cannot be bound in one of its families, the service exits or shows that it is "
    "not ready within 10 s (and as long as its ordinary start takes), and reports the error: in its output, the system "
    "log or a log file, or by a non-zero exit status with a message. It never continues silently with one family; it "
    "should not continue with one family at all.",
    stimulus="For each family that the service claims, and serves when its port is free: bind a foreign socket of "
    "that family and transport to its port (the IPv6 one with IPV6_V6ONLY), then start the service. Compare what it "
    "writes with what it writes when its port is free.",
    wire="No claim: the evidence is the exit status, the output (standard output and error, /dev/log, files in "
    "{scratch}) and the socket table.",
    cites=("RFC 4038 §6.3.1", "bind(2): EADDRINUSE", "listen(2): EADDRINUSE"),
    topologies=("dual-stack",),
    causes=("RC-BINDSWALLOWED", "RC-BINDSILENT", "RC-DOUBLEBIND"),
).attach
def test_bind_failure_is_reported_and_fatal(world: ListenerWorld) -> None:
    """The service reports that its port is taken in one family, and does not serve the other one alone."""
    served = world.served()
    world.require(complete(world, served))
    world.service.stop()
    usual = world.service.whole_output, world.service.scratch_texts()
    within = REPORT_WITHIN + world.service.launches[-1].seconds
    for family in served:
        finding = start_against(world, family, *usual, within=within)
        world.require(finding)
        if not (finding.ok or finding.level):
            break  # one failure is enough, and each takes all of this time


def complete(world: ListenerWorld, served: list[Family]) -> Finding:
    """Return whether the service, with its port free, continues although its output names a bind failure."""
    missing = [family.label for family in world.families if family not in served]
    line = in_use_line(world.service.log.text, world.listener.port)
    half = bool(missing and line) and world.listener.partial_bind is None
    return Finding(
        not half,
        "with its port free the service does not continue without a listener that it could not bind",
        f'it runs without {" and ".join(missing)}, and its output names a bind failure: "{line[:200]}"'
        if half
        else "it does not",
    )


def start_against(world: ListenerWorld, taken: Family, usual: str, usually_written: str, *, within: float) -> Finding:
    """Start the service while its port is taken in one family; return whether it fails and reports the error.

    Args:
        world: The world.
        taken: The family in which the port is taken.
        usual: Its output when the port is free.
        usually_written: What it writes to files when the port is free.
        within: Seconds that it has.
    """
    listener = world.listener
    hold = Hold(family=taken, address=taken.wildcard, port=listener.port, transport=listener.transport)
    with world.host.prober.hold(hold):
        world.journal.note_foreign(f"takes {listener.transport.value} port {listener.port} of {taken.label}")
        how = settle(world, within)
        own = [row for row in world.service.sockets.read() if is_its_own(world, row)]
        world.service.stop()
    said = new_lines(usual, world.service.whole_output)
    line = naming_line([*said, *new_lines(usually_written, world.service.scratch_texts())], listener.port)
    return judge(how, own, said, line, taken=taken, partial=listener.partial_bind is not None, within=within)


def is_its_own(world: ListenerWorld, row: SocketRow) -> bool:
    """Return whether a socket belongs to the listener: same port and same transport."""
    return (row.port, row.transport) == (world.listener.port, world.listener.transport.value)


def judge(
    how: Exit | None,
    own: list[SocketRow],
    said: list[str],
    line: str,
    *,
    taken: Family,
    partial: bool,
    within: float = REPORT_WITHIN,
) -> Finding:
    """Return whether a service whose port was taken in one family failed, and reported it.

    Args:
        how: How its first process ended; None while it runs.
        own: The listener's sockets, at most ``within`` after the start.
        said: The output lines that appear only when its port is taken.
        line: The line of output or log file that names the error; empty if none does.
        taken: The family in which its port was taken.
        partial: Whether the manifest gives a reason to continue with one family.
        within: Seconds that the service had.
    """
    failed, level = f"the service fails within {within:.0f} s", ""
    symptoms: tuple[Symptom, ...] = ()
    if own:
        what = " and ".join(sorted({f"{row.address} ({row.family})" for row in own}))
        happened, ok = f"after {within:.0f} s it runs and listens on {what}", bool(line) and partial
        level = "SHOULD" if line else ""
    elif how is None:
        happened, ok = f"after {within:.0f} s it runs without listening", bool(line)
    else:
        ok = bool(line) or (how.code != 0 and bool(said))
        happened = f"it {how}"
        symptoms = () if ok else (Symptom.ENDS_UNREPORTED,)
        line = line or next(iter(said), "") * (how.code != 0)
    reports = f'reports: "{line[:200]}"' if line else "does not report the error"
    return Finding(
        ok,
        f"with its port taken in {taken.label} {failed} and reports the error",
        f"{happened}, and {reports}",
        level=level,
        symptoms=symptoms,
    )


def settle(world: ListenerWorld, within: float) -> Exit | None:
    """Start the service; return how its first process ended, after all of it has ended or ``within`` has passed.

    If the service may continue with one family, the wait also ends when it names the error.
    """
    program = world.service.launch()
    pattern = IN_USE.pattern if world.listener.partial_bind is not None else NEVER
    readiness = program.wait_ready(Await(0, world.listener.transport, pattern, within))
    world.journal.waited += readiness.seconds
    state = f"the service {readiness.exit}" if readiness.exit is not None else "the service still runs"
    world.note(f"after {readiness.seconds:.1f} s {state}")
    return readiness.exit
