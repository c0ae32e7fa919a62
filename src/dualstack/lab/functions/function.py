"""What every function of a host declares."""

from collections.abc import Mapping
from dataclasses import dataclass

from dualstack.lab.observation import Check


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a host.

    Attributes:
        settings: The kernel settings of the host, by path below /proc/sys/net.
        proofs: What must be proved of a host that a topology gives the function, by the name of the lab proof.
    """

    settings: Mapping[str, str]
    proofs: Mapping[str, Check]
