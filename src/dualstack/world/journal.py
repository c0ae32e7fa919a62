"""What a case did and what its programs wrote: it becomes the case's record."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dualstack.prober.messages import Query, SocketRow
from dualstack.service import SCRATCH
from dualstack.timeline import Step

_OUTPUT_KEPT = 16 * 1024
"""How many characters of the service's output a record keeps: the last ones."""


MOST_QUERIES = 200


@dataclass(slots=True)
class Journal:
    """What happened in a case so far; the clock starts when the journal is made.

    Attributes:
        steps: What was done, in order, with the time of each step.
        command: The last command line of the service or connector.
        sockets: The service's socket table when it was last read.
        waited: Seconds spent waiting for the service itself.
        outputs: What each program that has ended wrote.
        queries: The DNS queries to the lab's name server, the first `MOST_QUERIES` of them.
        foreign: Whether a foreign socket had, or tried to get, the service's port.
        component_outputs: What each component wrote that did not start or ended by itself, by its name.
    """

    steps: list[Step] = field(default_factory=list)
    command: str = ""
    sockets: tuple[SocketRow, ...] = ()
    waited: float = 0.0
    outputs: list[str] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    foreign: bool = False
    component_outputs: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _folders: int = 0

    def restart_clock(self) -> None:
        """Measure the times of steps from now on."""
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the clock was started."""
        return time.monotonic() - self._began

    def note(self, what: str) -> None:
        """Add a step, with its time."""
        self.steps.append(Step(round(self.seconds, 3), what))

    def note_queries(self, queries: Iterable[Query], since: float) -> None:
        """Add the queries to a name server that was started ``since`` seconds after the clock."""
        moved = [replace(item, at=round(since + item.at, 4)) for item in queries]
        self.queries += moved[: max(0, MOST_QUERIES - len(self.queries))]

    def note_foreign(self, what: str) -> None:
        """Add a step in which a foreign socket has, or tries to get, the service's port."""
        self.foreign = True
        self.note(f"a foreign socket {what}")

    @property
    def output(self) -> str:
        """The end of everything that the programs wrote."""
        return "\n".join(text.rstrip("\n") for text in self.outputs if text)[-_OUTPUT_KEPT:]

    @property
    def component_output(self) -> dict[str, str]:
        """The end of each of `component_outputs`."""
        return {name: text[-_OUTPUT_KEPT:] for name, text in self.component_outputs.items()}

    def next_scratch(self) -> str:
        """Return the private folder for the next start of a program; it exists only inside the lab."""
        self._folders += 1
        return f"{SCRATCH}-{self._folders}"
