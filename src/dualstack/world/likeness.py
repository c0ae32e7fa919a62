"""Whether clients of both families get the same answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Dialled, Outcome
from dualstack.protocols.judgement import LIMITS
from dualstack.world.limits import wait_out_limits

_LINK_LOCAL = "fe80:"


@dataclass(slots=True)
class Likeness:
    """The last answers to clients of each family, by the kind of the address.

    Statuses and reply codes are compared by their class (2xx, 4xx). An HTTP server may treat the kinds of addresses in
    Host differently, so addresses on the link, link-local and loopback addresses are compared separately.
    """

    _seen: dict[tuple[str, Family], Dialled] = field(default_factory=dict)
    _asks: dict[tuple[str, Family], Callable[[], Dialled | None]] = field(default_factory=dict)

    def take(
        self, family: Family, address: str, dialled: Dialled, again: Callable[[], Dialled | None] = lambda: None
    ) -> None:
        """Keep the result of an exchange, if it was answered.

        ``again`` repeats the exchange, or returns None if that is not possible any more.
        """
        if dialled.outcome is Outcome.ANSWERED:
            self._seen[_kind(address), family] = dialled
            self._asks[_kind(address), family] = again

    def worse(self, address: str) -> Family | None:
        """Return the family with the worse class of status; None if the last answers have the same class."""
        last = {one: seen.status for one in Family if (seen := self._seen.get((_kind(address), one))) is not None}
        if len({status // 100 for status in last.values() if status}) < len(Family):
            return None
        return max(last, key=lambda one: last[one])

    def stays(self, address: str) -> bool:
        """Return whether `worse` stays the same; after the answer of a limit both families are asked again in turn.

        A service with a limit for all its clients gives the worse answer to the last one. If the family that was
        better is not answered any more, the family is not the reason either.
        """
        kind, worse = _kind(address), self.worse(address)
        if worse is None or self._seen[kind, worse].status not in LIMITS:
            return worse is not None
        wait_out_limits()
        for family in (worse, worse.other, worse):
            dialled = self._asks[kind, family]()
            if dialled is None:
                continue
            if dialled.outcome is Outcome.ANSWERED:
                self._seen[kind, family] = dialled
            elif family is not worse:
                return False
            if self.worse(address) is not worse:
                return False
        return True

    def difference(self, address: str) -> Finding:
        """Return the finding that the answers differ; call it only if `worse` returns a family."""
        answers = [f"over {family.label} {self._seen[_kind(address), family].detail}" for family in Family]
        return Finding(False, "clients of both families get statuses of the same class", "; ".join(answers))

    def contrast(self, family: Family, address: str) -> str:
        """Return how the other family was answered, as the end of a sentence; empty if unknown."""
        other = self._seen.get((_kind(address), family.other))
        return f"; over {family.other.label}: {other.detail}" if other is not None else ""


def _kind(address: str) -> str:
    """Return ``link-local``, ``loopback`` or ``link``."""
    bare = address.partition("%")[0]
    if bare.startswith(_LINK_LOCAL):
        return "link-local"
    return "loopback" if bare.startswith("127.") or bare == Family.IPV6.loopback else "link"
