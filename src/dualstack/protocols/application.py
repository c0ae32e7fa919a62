"""What an application protocol declares: its traits, its transports and its two ends."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from dualstack.protocols.advertised import Advertised
from dualstack.protocols.certificates import ClientTls, ServerTls
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.proxy_header import Version
from dualstack.protocols.response import Response
from dualstack.protocols.tunnel import Tunnel
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
    TURNS = "turns"
    """The client sends again after an answer: an exchange is more than one request."""
    DECLARED = "declared"
    """The manifest declares what is sent and expected."""
    HTTP = "http"
    """It is HTTP."""
    WEBSOCKET = "websocket"
    """It is WebSocket."""
    KEEPS = "keeps"
    """The client may ask the server to keep the connection, and send a second request on it after the answer."""
    CALLS = "calls"
    """The client makes a remote procedure call, which the manifest may declare."""
    NAMES_SERVER = "names-server"
    """Its requests name the server, as those of RTSP and SIP do in a URI."""
    OWN_PORT = "own-port"
    """The server also sends at a port of the client, outside the connection."""
    ADVERTISES = "advertises"
    """Its answers hold addresses that its clients use."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What a client's opening handshake has beside the path (`Trait.WEBSOCKET`).

    Attributes:
        origin: The Origin header; ``{target}`` in it stands for the server's address and port. Empty for none.
        subprotocol: The subprotocol that is offered; empty for none.
    """

    origin: str = ""
    subprotocol: str = ""


class Ask(Protocol):
    """What a client's end is made from; a `Dial` of the prober is one."""

    @property
    def address(self) -> str:
        """The server's address."""

    @property
    def host(self) -> str:
        """The host that the request names (`Trait.HTTP`, `Trait.WEBSOCKET`); empty for the address."""

    @property
    def port(self) -> int:
        """The server's port."""

    @property
    def source(self) -> str:
        """The client's own address; empty if the kernel chooses it."""

    @property
    def transport(self) -> Transport:
        """The transport protocol."""

    @property
    def protocol(self) -> str:
        """The name of the application protocol."""

    @property
    def send(self) -> str | None:
        """What is sent (`Trait.DECLARED`, `Trait.CALLS`, `Trait.WEBSOCKET`), or the path requested (`Trait.HTTP`)."""

    @property
    def expect(self) -> str | None:
        """The regular expression that the answer must contain (`Trait.DECLARED`, `Trait.CALLS`, `Trait.WEBSOCKET`)."""

    @property
    def status(self) -> Sequence[str]:
        """The statuses that count as served (`Trait.HTTP`)."""

    @property
    def call(self) -> str:
        """The method that is called (`Trait.CALLS`); empty for the default."""

    @property
    def path(self) -> str:
        """The path of the URI that is requested (RTSP, WebSocket)."""

    @property
    def requests(self) -> int:
        """How many requests are sent at once (`Trait.PIPELINES`)."""

    @property
    def kept(self) -> int:
        """How many requests are sent on a kept connection, each after the answer before it (`Trait.KEEPS`).

        0 for one request, after which a server of HTTP/1.1 is to close the connection.
        """

    @property
    def token_size(self) -> int:
        """The size of a request in bytes (`Trait.ECHOES`)."""

    @property
    def upgrade(self) -> Upgrade:
        """What the opening handshake has beside the path (`Trait.WEBSOCKET`)."""

    @property
    def fields(self) -> Sequence[tuple[str, str]]:
        """Further fields of the request, each with its value (the protocol ``http``)."""

    @property
    def tls(self) -> ClientTls | None:
        """What is checked if it speaks TLS; None if it does not."""

    @property
    def tunnel(self) -> Tunnel | None:
        """What the relay that is dialled is asked for; None if the service is dialled."""


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
    def addresses(self) -> Sequence[str]:
        """The server's addresses; in a connection the one that its client connected to."""

    @property
    def port(self) -> int:
        """The server's port."""

    @property
    def turns(self) -> Sequence[ScriptTurn]:
        """What the server expects and sends (`Trait.DECLARED`)."""

    @property
    def tls(self) -> ServerTls | None:
        """What is presented if it speaks TLS; None if it does not."""

    @property
    def proxy(self) -> tuple[Version, ...]:
        """The versions of the PROXY header that its clients send first; empty if they send none."""


class Application:
    """An application protocol. Its class is what the registry holds; there are no instances.

    Attributes:
        name: Its name in manifests.
        traits: What can be tested with it.
        transports: The transport protocols over which there is a client.
        serves: The transport protocols over which there is a server.
        alpn: What both ends offer in the TLS handshake (RFC 7301); empty for nothing.
    """

    name: ClassVar[str]
    traits: ClassVar[frozenset[Trait]]
    transports: ClassVar[frozenset[Transport]] = frozenset(Transport)
    serves: ClassVar[frozenset[Transport]] = frozenset()
    alpn: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def client(cls, ask: Ask) -> Conversation:
        """Return a client's end, with new tokens."""
        raise NotImplementedError

    @classmethod
    def server(cls, offer: Offer, peer: str) -> Conversation:
        """Return the server's end of a connection from the address ``peer``."""
        raise NotImplementedError

    @classmethod
    def response(cls, received: bytes) -> Response | None:  # noqa: ARG003 - those that have one read it
        """Return the response in what an ordinary client has received; None if there is none with header fields.

        Args:
            received: All that the conversation of `client` received, from its beginning.
        """
        return None

    @classmethod
    def advertised(cls, received: bytes) -> tuple[Advertised, ...]:  # noqa: ARG003 - those that advertise read it
        """Return the addresses in what an ordinary client has received (`Trait.ADVERTISES`).

        Args:
            received: All that the conversation of `client` received, from its beginning.
        """
        return ()
