"""Whether clients of both families are answered alike."""

from dataclasses import dataclass, field

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.prober.messages import Dialled, Outcome

_LINK_LOCAL = "fe80:"


@dataclass(slots=True)
class Likeness:
    """What the clients of each family were answered last, at addresses of each kind.

    Statuses and reply codes are compared by their class. An HTTP server tells its own names from others by Host, so
    addresses on the link, link-local ones and loopback ones are compared among themselves only.
    """

    _seen: dict[tuple[str, Family], Dialled] = field(default_factory=dict)

    def take(self, family: Family, address: str, dialled: Dialled) -> None:
        """Keep how an exchange went, if it was answered."""
        if dialled.outcome is Outcome.ANSWERED:
            self._seen[_kind(address), family] = dialled

    def worse(self, address: str) -> Family | None:
        """Return the family with the worse class of status, if those of the last two answers differ."""
        last = {one: seen.status for one in Family if (seen := self._seen.get((_kind(address), one))) is not None}
        if len({status // 100 for status in last.values() if status}) < len(Family):
            return None
        return max(last, key=lambda one: last[one])

    def difference(self, address: str) -> Finding:
        """Return the finding that the families are not answered alike; `worse` has said so."""
        told = [f"over {family.label} {self._seen[_kind(address), family].detail}" for family in Family]
        return Finding(False, "clients of both families get statuses of the same class", "; ".join(told))

    def contrast(self, family: Family, address: str) -> str:
        """Say how the other family was answered where this one was not, as the end of a sentence; empty if unknown."""
        other = self._seen.get((_kind(address), family.other))
        return f"; over {family.other.label}: {other.detail}" if other is not None else ""


def _kind(address: str) -> str:
    """Return the kind of an address."""
    bare = address.partition("%")[0]
    if bare.startswith(_LINK_LOCAL):
        return "link-local"
    return "loopback" if bare.startswith("127.") or bare == Family.IPV6.loopback else "link"
