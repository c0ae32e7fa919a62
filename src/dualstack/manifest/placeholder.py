"""What a placeholder is, and what its value depends on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dualstack.families import Family
from dualstack.manifest.component import Component
from dualstack.manifest.listen import Listen
from dualstack.manifest.relay import Relay
from dualstack.manifest.texts import Place


class Startable(Protocol):
    """The part of a `Subject` that placeholders need."""

    @property
    def listen(self) -> tuple[Listen, ...]:
        """The listeners."""

    @property
    def components(self) -> tuple[Component, ...]:
        """The programs that the service needs."""

    @property
    def relays(self) -> tuple[Relay, ...]:
        """The listeners whose clients it connects to a server."""

    @property
    def directory(self) -> Path:
        """The working directory on this machine."""

    @property
    def image_directory(self) -> str:
        """The working directory in the image; empty for the image's own."""

    def binds(self, listener: Listen) -> list[str]:
        """Return the listen addresses that cover what the listener claims, the closest first."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a service or connector.

    Attributes:
        subject: What is started.
        scratch: Its private folder.
        contained: Whether it runs in its container image.
        targets: The address or name of the server of each relay, by the relay's name; by default on its own host.
    """

    subject: Startable
    scratch: str
    contained: bool
    targets: Mapping[str, str] = field(default_factory=dict)

    def target(self, relay: Relay) -> str:
        """Return the address or name of a relay's server."""
        return self.targets.get(relay.name, "localhost" if relay.names else Family.IPV4.loopback)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder.

    Attributes:
        name: Its name, without braces.
        places: The texts in which it may stand.
        meaning: What it stands for, for the documentation.
        of_start: Returns its value for a start.
        of_listener: Returns its value for a listener: ``{name}`` is the first one's, ``{LISTENER.name}`` that one's.
        of_component: Returns its value for a component: ``{name}`` is its own, ``{COMPONENT.name}`` that one's, also in
            the texts of the service.
        of_relay: Returns its value for a relay: ``{name}`` is the first one's, ``{RELAY.name}`` that one's.
        inner: The kind of text that its value is; the placeholders of listeners in it are filled.
        table: The table in ``[[listen]]`` that gives it a value; empty if it needs none.
        given: Returns whether that table is there and gives a value.
        lacks: Returns why a listener has no value, or nothing.
    """

    name: str
    places: tuple[Place, ...]
    meaning: str
    of_start: Callable[[Start], str] | None = None
    of_listener: Callable[[Start, Listen], str] | None = None
    of_component: Callable[[Component], str] | None = None
    of_relay: Callable[[Start, Relay], str] | None = None
    inner: Place | None = None
    table: str = ""
    given: Callable[[Listen], bool] = bool
    lacks: Callable[[Startable, Listen], str] = lambda _, __: ""
