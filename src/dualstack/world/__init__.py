"""A world: one case's lab, service and capture, and everything that the case did and found in it."""

from dualstack.world.base import World
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.listening import ListenerWorld
from dualstack.world.relaying import RelayWorld
from dualstack.world.starting import StartWorld

__all__ = ["ConnectorWorld", "ListenerWorld", "RelayWorld", "StartWorld", "World"]
