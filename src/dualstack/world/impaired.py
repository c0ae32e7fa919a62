"""Impairs connections to a host while a case runs, and proves that they are impaired before the service runs."""

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dualstack.errors import BrokenLab, HarnessError
from dualstack.lab.changes import AcceptSegments, DropSegments, LoseRoute, RegainRoute
from dualstack.lab.impairing.process import ENTRY, pack
from dualstack.lab.impairments import Impairment, Kind
from dualstack.lab.protocol import Host
from dualstack.prober.messages import Dial, Dialled, Outcome, Serve
from dualstack.transport import AppProtocol
from dualstack.wire.attempts import Attempt, Fate

_ANSWER_TIMEOUT = 20.0
"""Seconds within which the impairing process must answer."""

_PROOF_PORTS = itertools.cycle(range(61000, 65000))
"""Ports for the proofs, above those that Linux gives to clients: the port of the case gets no other packets."""

_SILENT = frozenset({Kind.DROP, Kind.LOSE, Kind.STALL})
"""What a client learns only from waiting in vain."""

_WAITS = (0.1, 0.5, 2.5)
"""Seconds that the client of a proof waits in vain; longer if the machine was too busy to make its connection."""

_ROUNDING = 1e-6
"""Seconds by which the time between two packets of a capture may be wrong: times are seconds since the epoch."""

_DIAL_TIMEOUT = 5.0
"""Seconds that a client of a proof may take that gets a reply."""


class Impaired:
    """The impairments that are in force.

    Attributes:
        impairments: The impairments.
        priority: Whether the process runs before all ordinary ones: then the load of the machine does not delay it.
        lateness: By how many seconds the proof's client was answered later than `Kind.HOLD` says; 0 for others.
    """

    def __init__(
        self, host: Host, impairments: Sequence[Impairment], proof_port: int, undo: contextlib.ExitStack
    ) -> None:
        """Start the process inside ``host`` and return when it sees SYNs.

        Raises:
            HarnessError: It cannot, or has died.
        """
        self.impairments = tuple(impairments)
        self.lateness = [0.0] * len(impairments)
        self._name = host.name
        self._stream = undo.enter_context(host.inside(ENTRY))
        self._stream.settimeout(_ANSWER_TIMEOUT)
        self._answers = undo.enter_context(self._stream.makefile("rb"))
        self._before = [0] * len(impairments)
        order = [pack(one, (one.port, proof_port)) for one in impairments]
        self.priority = bool(self._ask({"interface": host.interface, "impairments": order})["priority"])

    def hits(self) -> list[int]:
        """Return how many SYNs each impairment has met, without those of the proof; always 0 for `Kind.NO_ROUTE`."""
        return [now - before for now, before in zip(self._ask({})["hits"], self._before, strict=True)]

    def forget_hits(self) -> None:
        """Count from now on."""
        self._before = self._ask({})["hits"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return its answer."""
        try:
            self._stream.sendall(json.dumps(request).encode() + b"\n")
            line = self._answers.readline()
        except OSError as error:
            raise HarnessError(
                f"the process that impairs connections to {self._name} does not answer: {error}"
            ) from None
        if not line:
            raise HarnessError(f"the process that impairs connections to {self._name} has died")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise HarnessError(f"host {self._name}: {answer['error']}")
        return answer


@contextlib.contextmanager
def impaired(client: Host, server: Host, impairments: Sequence[Impairment]) -> Iterator[Impaired]:
    """Impair connections from ``client`` to ``server``; when the block begins, they are proved to be impaired.

    Every impairment has effect on its port, and on another port, to which the proof's client connects.

    Args:
        client: The host with the route, and the prober that proves.
        server: The host with the addresses.
        impairments: At most one for each address and port.

    Raises:
        HostCannot: The kernel has no nftables.
        BrokenLab: An impairment has no effect.
        HarnessError: The kernel refuses.
    """
    port = next(_PROOF_PORTS)
    addresses = tuple(dict.fromkeys(one.address for one in impairments))
    with contextlib.ExitStack() as undo:
        undo.enter_context(server.prober.serve(Serve(addresses, port)))
        handle = Impaired(server, impairments, port, undo)
        for number, one in enumerate(impairments):
            undo.enter_context(_in_force(client, server, one, f"impairment-{port}-{number}", port))
        handle.lateness = _prove(client, impairments, port)
        handle.forget_hits()
        yield handle


@contextlib.contextmanager
def _in_force(client: Host, server: Host, one: Impairment, name: str, proof_port: int) -> Iterator[None]:
    """Change what the kernels do with a connection."""
    if one.kind is Kind.NO_ROUTE:
        client.apply(LoseRoute(one.address))
    else:
        server.apply(DropSegments(name, one.address, (one.port, proof_port), data=one.kind is Kind.STALL))
    try:
        yield
    finally:
        if one.kind is Kind.NO_ROUTE:
            client.apply(RegainRoute(one.address))
        else:
            server.apply(AcceptSegments(name, one.address))


def _prove(client: Host, impairments: Sequence[Impairment], port: int) -> list[float]:
    """Prove each impairment with a connection to the proof's port; return by how many seconds each was too late.

    Raises:
        BrokenLab: A connection was not impaired as it should be.
    """
    results = client.prober.dial_all([_dial(one, port, _WAITS[0]) for one in impairments])
    for number, one in enumerate(impairments):
        for wait in _WAITS[1:]:
            if one.kind is Kind.STALL and not results[number].connected:
                results[number] = client.prober.dial(_dial(one, port, wait))
        dialled = results[number]
        if not is_impaired(one, dialled):
            raise BrokenLab(
                f"impairment not in force: {one}; a connection on port {port} {dialled.outcome.value} "
                f"after {dialled.seconds * 1000:.1f} ms: {dialled.detail}"
            )
    held = zip(impairments, results, strict=True)
    return [max(0.0, item.seconds - one.seconds) if one.kind is Kind.HOLD else 0.0 for one, item in held]


def _dial(one: Impairment, port: int, wait: float) -> Dial:
    """Return the exchange that proves an impairment; ``wait`` is how long it waits in vain, in seconds."""
    timeout = wait if one.kind in _SILENT else one.seconds + _DIAL_TIMEOUT
    return Dial(one.family, one.address, port, protocol=AppProtocol.ECHO, timeout=timeout)


def is_impaired(one: Impairment, dialled: Dialled) -> bool:
    """Return whether the result of an exchange is that of a connection with this impairment."""
    answered = dialled.outcome is Outcome.ANSWERED
    match one.kind:
        case Kind.DROP | Kind.LOSE:
            return not dialled.connected and dialled.outcome is Outcome.SILENT
        case Kind.HOLD:
            return answered and dialled.seconds >= one.seconds
        case Kind.STALL:
            return dialled.connected and not answered
        case Kind.RESET | Kind.UNREACHABLE | Kind.NO_ROUTE:
            return not dialled.connected and dialled.errno == one.error


def require_effect(one: Impairment, made: Iterable[Attempt], began: float, ended: float) -> None:
    """Check the attempts to reach an impaired address and port against the impairment.

    Args:
        one: The impairment.
        made: The attempts to reach its address and port.
        began: When it was in force, in seconds since the epoch.
        ended: When it was removed.

    Raises:
        BrokenLab: An attempt that began and ended in this time was not impaired.
    """
    for attempt in made:
        within = began <= attempt.time and attempt.times[-1] + (attempt.after or 0.0) <= ended
        if within and not _fits(one, attempt):
            raise BrokenLab(f"impairment without effect: {one}; an attempt was {attempt}")


def _fits(one: Impairment, attempt: Attempt) -> bool:
    """Return whether an attempt ended as the impairment has it, or was abandoned by the client before."""
    if attempt.fate is Fate.UNANSWERED:
        return one.kind is not Kind.NO_ROUTE
    answered = attempt.fate is Fate.ANSWERED
    took = attempt.times[-1] + (attempt.after or 0.0) - attempt.time
    return {
        Kind.DROP: False,
        Kind.NO_ROUTE: False,
        Kind.HOLD: answered and took >= one.seconds - _ROUNDING,
        Kind.LOSE: answered and len(attempt.times) > one.count,
        Kind.STALL: answered,
        Kind.RESET: attempt.fate is Fate.REFUSED,
        Kind.UNREACHABLE: attempt.fate is Fate.ICMP_ERROR,
    }[one.kind]
