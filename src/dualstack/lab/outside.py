"""Protocols from outside on their way into a lab: its supervisor gets them, and so the agents that it forks later."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from dualstack.protocols.outside import Source, sources


class Outside:
    """What one supervisor has of this process's protocols from outside."""

    def __init__(self) -> None:
        """Start with a supervisor that has none."""
        self._sent: set[Source] = set()

    def send(self, ask: Callable[[dict[str, Any]], object]) -> None:
        """Send those that it does not have yet, each in one request of ``ask``; the labs' supervisors serve it."""
        for source in sources():
            if source not in self._sent:
                ask({"do": "speak", **asdict(source)})
                self._sent.add(source)
