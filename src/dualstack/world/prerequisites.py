"""What must work before a requirement can be judged: starts that are the subject of other requirements."""

from dualstack.errors import NothingToJudge, ServiceError
from dualstack.families import Family
from dualstack.prober.messages import Outcome
from dualstack.world.listening import ListenerWorld

UNSERVED = "clients are not served in any case, as the requirements on reachability report"

NO_FAMILY = "the topology has no family that the service claims"


def start_or_leave(world: ListenerWorld) -> None:
    """Start the service, where the requirement in question is not about whether it starts on a host like this one.

    Raises:
        NothingToJudge: It does not become ready: the requirements on reachability report that.
    """
    try:
        world.service.start()
    except ServiceError as error:
        if not error.not_ready:
            raise
        raise NothingToJudge(f"{error}; the requirements on reachability report that") from None


def require_ordinary(world: ListenerWorld, *families: Family, address: str = "") -> None:
    """Check, if a finding has failed, that clients of these families are served with the default listen address.

    Args:
        world: The world; all addresses of the service's host exist and are usable.
        families: The families.
        address: The address to dial; empty for the service's first one.

    Raises:
        NothingToJudge: One is not: the requirements on reachability report that.
    """
    if all(finding.ok for finding in world.findings):
        return
    world.note("control: are ordinary clients served with the default listen address?")
    start_or_leave(world)
    for family in families:
        require_served(world, family, address)


def require_served(world: ListenerWorld, family: Family, address: str = "") -> None:
    """Check that an ordinary client of ``family`` is served, and wait until the service has shown its address.

    Raises:
        NothingToJudge: It is not: the requirements on reachability report that.
    """
    dialled = world.client.dial(family, address or world.addresses(family)[0])
    if dialled.outcome is not Outcome.ANSWERED:
        raise NothingToJudge(f"{family.label} {UNSERVED}: {dialled.detail}")
    world.client.shown_address(dialled)


def start_at(world: ListenerWorld, address: str) -> None:
    """Start the service with one IPv6 address of its host as listen address.

    Args:
        world: The world; all addresses of the service's host exist and are usable.
        address: The address.

    Raises:
        ServiceError: It does not start with this address, but does with another one.
        NothingToJudge: It starts with no IPv6 address: LISTEN-011 is about that.
    """
    try:
        world.service.start(world.bind_value(address), [Family.IPV6])
    except ServiceError as error:
        require_start(world, other_than=address)
        raise error from None


def require_start(world: ListenerWorld, *, other_than: str = "") -> None:
    """Check that the service starts with the first IPv6 address of its host as listen address.

    Args:
        world: The world; all addresses of the service's host exist and are usable.
        other_than: An address with which it has just failed to start.

    Raises:
        NothingToJudge: It does not.
    """
    address = world.addresses(Family.IPV6)[0]
    bind = world.bind_value(address)
    world.note("control: does it start with an IPv6 listen address that is usable?")
    try:
        if address != other_than:
            world.service.start(bind, [Family.IPV6])
            return
    except ServiceError:
        pass
    raise NothingToJudge(f'it does not start with the listen address "{bind}"; LISTEN-011 reports that')
