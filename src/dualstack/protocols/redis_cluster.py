"""``redis-cluster``: ``CLUSTER SLOTS``, and ``GET`` of keys of other nodes; both answers hold addresses of nodes.

https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/: the answer to ``CLUSTER SLOTS`` has host and
port apart, and that to ``GET`` of a key of another node is ``-MOVED SLOT HOST:PORT``, without brackets.
"""

from collections.abc import Iterator

from dualstack.protocols.advertised import Advertised
from dualstack.protocols.application import Application, Ask, Trait
from dualstack.protocols.conversation import Conversation, Turn
from dualstack.protocols.judgement import Judgement, Outcome, show
from dualstack.transport import Transport

_KEYS = (b"a", b"b", b"c")
"""Keys of the slots 15495, 3300 and 7365: no node of three with equal shares has more than one of them."""

_REQUEST = b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n" + b"".join(
    b"*2\r\n$3\r\nGET\r\n$1\r\n%b\r\n" % key for key in _KEYS
)
_REPLIES = 1 + len(_KEYS)
_UNKNOWN = "?"
"""The host of a node whose name has not been received yet (cluster-preferred-endpoint-type hostname)."""
_MOST = 64 << 10  # bytes of all replies; what is reported of them is no more
_DEEPEST = 8  # arrays inside each other

Reply = bytes | int | list["Reply"] | None
"""A bulk string, or the line of a simple string or an error with its mark; a number; an array; nil."""


class RedisCluster(Application):
    """The client asks one node for the nodes of all slots, and for keys that other nodes have."""

    name = "redis-cluster"
    traits = frozenset({Trait.ANSWERS, Trait.ADVERTISES})
    transports = frozenset({Transport.TCP})

    @classmethod
    def client(cls, ask: Ask) -> Conversation:  # noqa: ARG003 - as `Application` has it
        """See `Application`."""
        return Asking()

    @classmethod
    def advertised(cls, received: bytes) -> tuple[Advertised, ...]:
        """See `Application`. An empty host is that of the node that was asked."""
        try:
            slots, *others = replies_in(received)
        except ValueError:
            return ()
        found = [*_nodes(slots), *(item for reply in others for item in _moved(reply))]
        return tuple(item for item in found if item.host)


class Asking:
    """A client that asks a node; the cluster must be complete, and each key's value or the node that has it known."""

    def __init__(self) -> None:
        """Send all commands at once."""
        self._received = b""

    def start(self) -> bytes:
        """See `Conversation`."""
        return _REQUEST

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._received += data
        try:
            replies = replies_in(self._received)
        except ValueError as error:
            return Turn(judgement=Judgement(Outcome.WRONG, f"the answer is no RESP2: {error}"))
        wrong = next((reply for reply in replies if isinstance(reply, bytes) and _is_error(reply)), None)
        if wrong is not None:
            return Turn(judgement=Judgement(Outcome.WRONG, f"the answer is the error {show(wrong[1:])}"))
        if len(replies) < _REPLIES:
            long = len(self._received) > _MOST
            return Turn(
                judgement=Judgement(Outcome.WRONG, f"the answer is longer than {_MOST} bytes") if long else None
            )
        nodes = [*_nodes(replies[0])]
        if not nodes:
            return Turn(judgement=Judgement(Outcome.WRONG, "the answer to CLUSTER SLOTS names no node"))
        if any(node.host == _UNKNOWN for node in nodes):
            return Turn(judgement=Judgement(Outcome.WRONG, "the node does not know the name of another node yet"))
        moved = sum(1 for reply in replies[1:] for _ in _moved(reply))
        detail = f"CLUSTER SLOTS names {len(nodes)} nodes, and {moved} of {len(_KEYS)} keys are on other ones"
        return Turn(judgement=Judgement(Outcome.ANSWERED, detail))

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if self._received:
            return Judgement(Outcome.WRONG, f"the answer {show(self._received)} is not complete: {why}")
        return Judgement(Outcome.SILENT, f"no answer: {why}")


def _is_error(reply: bytes) -> bool:
    """Return whether a reply is an error other than MOVED and ASK."""
    return reply.startswith(b"-") and not reply.startswith((b"-MOVED ", b"-ASK "))


def _nodes(slots: Reply) -> Iterator[Advertised]:
    """Yield the nodes in the answer to ``CLUSTER SLOTS``: ``[[first, last, [host, port, id, …], …], …]``."""
    for share in slots if isinstance(slots, list) else ():
        first, last, *nodes = share if isinstance(share, list) and len(share) > 1 else [None, None]
        for node in nodes:
            if isinstance(node, list) and len(node) > 1 and isinstance(node[1], int):
                host = node[0].decode("latin-1") if isinstance(node[0], bytes) else ""
                yield Advertised(host, node[1], f"CLUSTER SLOTS, slots {first!r} to {last!r}")


def _moved(reply: Reply) -> Iterator[Advertised]:
    """Yield the node in an error ``-MOVED SLOT HOST:PORT`` or ``-ASK SLOT HOST:PORT``."""
    if not isinstance(reply, bytes) or not reply.startswith((b"-MOVED ", b"-ASK ")):
        return
    words = reply[1:].decode("latin-1").split(" ")
    host, _, port = words[-1].rpartition(":")
    if port.isdecimal():
        yield Advertised(host, int(port), " ".join(words[:-1]))


def replies_in(data: bytes) -> list[Reply]:
    """Return the complete replies of RESP2 in what was received.

    Raises:
        ValueError: The bytes are not RESP2.
    """
    found: list[Reply] = []
    position = 0
    while (read := _reply(data, position, 0)) is not None:
        reply, position = read
        found.append(reply)
    return found


def _reply(data: bytes, position: int, depth: int) -> tuple[Reply, int] | None:
    """Return the reply at a position and the position after it; None if it is not complete.

    Raises:
        ValueError: It is not RESP2.
    """
    end = data.find(b"\r\n", position)
    if end < 0:
        return None
    line, position = data[position:end], end + 2
    mark, rest = line[:1], line[1:]
    if mark in {b"+", b"-"}:
        return (line if mark == b"-" else rest), position
    if mark not in {b":", b"$", b"*"} or not rest.removeprefix(b"-").isdigit() or depth > _DEEPEST:
        raise ValueError(show(line))
    size = int(rest)
    if mark == b":":
        return size, position
    if size < 0:
        return None, position
    if mark == b"*":
        return _array(data, position, size, depth + 1)
    text = data[position : position + size]
    return (text, position + size + 2) if len(data) >= position + size + 2 else None


def _array(data: bytes, position: int, size: int, depth: int) -> tuple[Reply, int] | None:
    """Return an array of a size and the position after it; None if it is not complete."""
    items: list[Reply] = []
    for _ in range(size):
        read = _reply(data, position, depth)
        if read is None:
            return None
        items.append(read[0])
        position = read[1]
    return items, position
