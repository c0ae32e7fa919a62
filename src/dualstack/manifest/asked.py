"""A table of a listener whose clients may have to ask for their target before they speak its protocol."""

from typing import Self

from pydantic import PrivateAttr

from dualstack.manifest.base import Table
from dualstack.protocols.tunnel import Tunnel


class Asked(Table):
    """A listener: what its clients ask for is no key of its table, but follows from the [[relay]] that names it."""

    _tunnel: Tunnel | None = PrivateAttr(None)

    @property
    def tunnel(self) -> Tunnel | None:
        """What its clients ask it for first; None if they speak its protocol at once."""
        return self._tunnel

    def through(self, tunnel: Tunnel | None) -> Self:
        """Return it with other clients: those that ask for this first."""
        made = self.model_copy()
        made._tunnel = tunnel  # noqa: SLF001 - of the same class
        return made
