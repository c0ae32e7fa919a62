"""Whether a relay serves a client at all: the comparison for a client that it does not connect to a certain server."""

from dualstack.errors import ServiceError
from dualstack.families import Family, endpoint
from dualstack.manifest import Relay
from dualstack.prober.messages import Outcome
from dualstack.world.listening import ListenerWorld


def served_from_inside(world: ListenerWorld, relay: Relay, front: Family) -> bool:
    """Return whether a relay serves a client of a family with its server on its own host.

    The server is ``localhost``, as in other cases. A relay that takes addresses is then asked for that of each family:
    what it fails at may be servers of one family, and ``localhost`` one of them.
    """
    upstreams = world.service.upstreams
    upstreams.targets.pop(relay.name, None)
    world.note("does it serve this client at all? A server on its own host shows it")
    world.service.start()
    return _is_answered(world, front) or any(
        _starts_towards(world, relay, address) and _is_answered(world, front)
        for address in (upstreams.addresses if relay.literals else ())
    )


def _is_answered(world: ListenerWorld, front: Family) -> bool:
    """Return whether a client of a family is answered."""
    return world.client.dial(front, world.addresses(front)[0]).outcome is Outcome.ANSWERED


def _starts_towards(world: ListenerWorld, relay: Relay, address: str) -> bool:
    """Start the service with a server of its own host as the relay's; return whether it becomes ready."""
    world.service.upstreams.targets[relay.name] = address
    world.note(f"the relay's server is {endpoint(address, relay.port)}")
    try:
        world.service.start()
    except ServiceError as error:
        world.note(f"it does not start with this server: {error}")
        return False
    return True
