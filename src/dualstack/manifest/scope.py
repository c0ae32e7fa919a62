"""Which clients a listener is for."""

import enum


@enum.unique
class Scope(enum.Enum):
    """Which clients a listener is for: all on the network, or only those on the service's own host."""

    NETWORK = "network"
    LOOPBACK = "loopback"
