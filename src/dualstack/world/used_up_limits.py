"""Clients of a service whose limits other clients may have used up."""

from collections.abc import Iterable

from dualstack.families import Family
from dualstack.world.limits import PAUSE, wait_out_limits
from dualstack.world.listening import ListenerWorld

PENALTY = 4.0
"""Seconds after which short penalties are over, such as those of OpenSSH for clients that leave without a request."""


def answers_when_limits_are_over(
    world: ListenerWorld, families: Iterable[Family], *, times: int = 1, seconds: float = PAUSE
) -> None:
    """Require that clients of the families are answered; at once, or when the limit is over that others have used up.

    Args:
        world: The world; clients at the same address have sent much before.
        families: The families.
        times: How many clients of each family try an exchange.
        seconds: How long limits are waited for if a client is not answered.
    """
    for family in families:
        address = world.addresses(family)[0]
        if not world.client.is_served(world.client.dial(family, address)):
            world.note("a limit may be used up: wait until it is over, and try again")
            wait_out_limits(seconds)
        world.answers(family, address, times=times)
