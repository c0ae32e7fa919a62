"""The ends of protocols whose answer is computed from the request, byte by byte."""

from collections.abc import Callable

from dualstack.protocols.conversation import Turn
from dualstack.protocols.judgement import Judgement, Outcome, show

_KEPT = 100  # bytes of what a client sends


class Exact:
    """A client whose answer must be exactly the expected bytes."""

    def __init__(self, request: bytes, expected: bytes, success: str) -> None:
        """Send ``request``; ``success`` ends the sentence for the report if the answer is right."""
        self._request, self._expected, self._success = request, expected, success
        self._place = 0

    def start(self) -> bytes:
        """See `Conversation`."""
        return self._request

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`: each piece is compared with its place in the expected bytes."""
        expected, place = self._expected, self._place
        if not expected.startswith(data, place):
            return Turn(judgement=Judgement(Outcome.WRONG, _difference(expected, place, data)))
        self._place += len(data)
        if self._place == len(expected):
            return Turn(judgement=Judgement(Outcome.ANSWERED, f"all {self._place} bytes {self._success}"))
        return Turn()

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if not self._place:
            return Judgement(Outcome.SILENT, f"no answer: {why}")
        return Judgement(Outcome.WRONG, f"only {self._place} of {len(self._expected)} bytes came back: {why}")


def _difference(expected: bytes, place: int, data: bytes) -> str:
    """Describe the first difference; ``data`` is what was received from byte ``place`` on."""
    rest = expected[place:]
    at = next((at for at, (a, b) in enumerate(zip(rest, data, strict=False)) if a != b), len(rest))
    if at == len(rest):
        return f"the answer continues after the {len(expected)} bytes that were expected, with {show(data[at:])}"
    return f"byte {place + at + 1} of the answer is wrong: expected {show(rest[at:])}, got {show(data[at:])}"


class Replying:
    """A server that answers all data at once. It understands whatever it receives."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        """Answer each piece with ``answer`` of it, which does not depend on how the bytes are split."""
        self._answer = answer
        self._begun = b""
        self._size = 0

    def start(self) -> bytes:
        """See `Conversation`."""
        return b""

    def receive(self, data: bytes) -> Turn:
        """See `Conversation`."""
        self._begun = self._begun or data[:_KEPT]
        self._size += len(data)
        return Turn(self._answer(data))

    def end(self, why: str, *, closed: bool = False) -> Judgement:  # noqa: ARG002 - as `Conversation` has it
        """See `Conversation`."""
        if not self._size:
            return Judgement(Outcome.SILENT, "the client sent nothing")
        return Judgement(Outcome.ANSWERED, f"the client sent {self._size} bytes, which begin with {show(self._begun)}")
