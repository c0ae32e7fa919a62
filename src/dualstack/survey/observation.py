"""The result of one start of a service in a survey."""

from dataclasses import dataclass

from dualstack.prober.messages import SocketRow


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one start of a variant, in one kernel state.

    Attributes:
        service: The service's name, without its configuration.
        variant: The configuration's name, or the listen address.
        listener: The listener's name.
        transport: ``tcp`` or ``udp``.
        state: A key of `observing.STATES`.
        taken: A key of `observing.TAKEN`.
        sockets: ``4``, ``6`` (IPV6_V6ONLY), ``D`` (IPv6 socket that serves both), joined by ``+``; a specific address
            follows ``@``; ``✗`` if it does not listen.
        answers: How an exchange over each family ended, an outcome, an errno or a text of `endings`. A family that the
            topology lacks is left out; one in which only another program has the port is not dialled.
        error: Why it does not listen, not over all families, or ended while it was dialled: how it ended or how long
            the survey waited, and the line of its output that names the error, or else its last line.
        rows: The sockets in full.
        effect: The outcome: the value of an `Effect`.
        ended: How it ended by itself: ``exited with code 1``; empty while it ran.
        timed_out: Whether it ran, and was not ready within the manifest's timeout.
    """

    service: str
    variant: str
    listener: str
    transport: str
    state: str
    taken: str
    sockets: str
    answers: dict[str, str]
    error: str
    rows: tuple[SocketRow, ...]
    effect: str
    ended: str = ""
    timed_out: bool = False
