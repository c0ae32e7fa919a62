"""What an application protocol declares: its traits, its transports and its two ends."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from dualstack.protocols.certificates import ClientTls, ServerTls
from dualstack.protocols.conversation import Conversation
from dualstack.transport import Transport


@enum.unique
class Trait(enum.Enum):
    """A fact about a protocol that decides what can be tested with it."""

    SILENT = "silent"
    """Nothing is sent and nothing is answered."""
    ONE_WAY = "one-way"
    """The client sends, and no answer comes."""
    ANSWERS = "answers"
    """The client sends, and an answer comes."""
    ECHOES = "echoes"
    """The answer is as long as the request, which has any size."""
    PIPELINES = "pipelines"
    """The client may send several requests without waiting for answers."""
    DECLARED = "declared"
    """The manifest declares what is sent and expected."""
    HTTP = "http"
    """It is HTTP."""


class Ask(Protocol):
    """What a client's end is made from; a `Dial` of the prober is one."""

    @property
    def address(self) -> str:
        """The server's address."""

    @property
    def port(self) -> int:
        """The server's port."""

    @property
    def transport(self) -> Transport:
        """The transport protocol."""

    @property
    def protocol(self) -> str:
        """The name of the application protocol."""

    @property
    def send(self) -> str | None:
        """What is sent (`Trait.DECLARED`)."""

    @property
    def expect(self) -> str | None:
        """The regular expression that the answer must contain (`Trait.DECLARED`)."""

    @property
    def status(self) -> Sequence[str]:
        """The statuses that count as served (`Trait.HTTP`)."""

    @property
    def requests(self) -> int:
        """How many requests are sent at once (`Trait.PIPELINES`)."""

    @property
    def token_size(self) -> int:
        """The size of a request in bytes (`Trait.ECHOES`)."""

    @property
    def tls(self) -> ClientTls | None:
        """What is checked if it speaks TLS; None if it does not."""


@dataclass(frozen=True, slots=True)
class ScriptTurn:
    """One turn of a server whose words the manifest declares.

    Attributes:
        expect: The regular expression that must match what the client sent since the turn before; None for the
            greeting, which the server sends first.
        send: The answer, as Latin-1 text.
        close: Whether the server closes the connection then.
    """

    expect: str | None = None
    send: str = ""
    close: bool = False


class Offer(Protocol):
    """What a server's end is made from; a `Serve` of the prober is one."""

    @property
    def transport(self) -> Transport:
        """The transport protocol."""

    @property
    def protocol(self) -> str:
        """The name of the application protocol."""

    @property
    def turns(self) -> Sequence[ScriptTurn]:
        """What the server expects and sends (`Trait.DECLARED`)."""

    @property
    def tls(self) -> ServerTls | None:
        """What is presented if it speaks TLS; None if it does not."""


class Application:
    """An application protocol. Its class is what the registry holds; there are no instances.

    Attributes:
        name: Its name in manifests.
        traits: What can be tested with it.
        transports: The transport protocols over which there is a client.
        serves: The transport protocols over which there is a server.
    """

    name: ClassVar[str]
    traits: ClassVar[frozenset[Trait]]
    transports: ClassVar[frozenset[Transport]] = frozenset(Transport)
    serves: ClassVar[frozenset[Transport]] = frozenset()

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """Return a client's end, with new tokens."""
        raise NotImplementedError

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:
        """Return the server's end of a connection from the address ``peer``."""
        raise NotImplementedError
