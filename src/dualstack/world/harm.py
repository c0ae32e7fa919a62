"""Ordinary clients that get no answer, and after which no other client gets one."""

from collections.abc import Callable, Mapping

from dualstack.errors import NothingToJudge, ServiceError
from dualstack.families import Family
from dualstack.prober.messages import Dialled, Outcome
from dualstack.world.client import Client
from dualstack.world.service import Service


def harmful(dialled: Mapping[Family, Dialled], again: Callable[[Family], Outcome]) -> Family | None:
    """Return the family whose client was left without an answer, and after which one served before gets none either.

    Args:
        dialled: The exchange of an ordinary client of each family, in the order in which they dialled.
        again: Dials over a family once more, and returns the outcome.
    """
    families = list(dialled)
    for place, family in enumerate(families):
        before = [other for other in families[:place] if dialled[other].outcome is Outcome.ANSWERED]
        if dialled[family].outcome is Outcome.SILENT and before and again(before[0]) is not Outcome.ANSWERED:
            return family
    return None


def undo_harm(service: Service, client: Client, dialled: Mapping[Family, Dialled], note: Callable[[str], None]) -> None:
    """Start the service again if an ordinary client that got no answer has kept it from serving others.

    That is the subject of the requirements on reachability; without a new start it would break every other one too.

    Raises:
        NothingToJudge: It cannot be started again.
    """
    family = harmful(dialled, lambda other: client.carry_out(client.exchange(other)).outcome)
    if family is None or service.listener.single_shot:
        return
    note(f"after an {family.label} client without an answer no other one is served: start it again")
    try:
        service.restart()
    except ServiceError as error:
        raise NothingToJudge(f"an ordinary client stops the service; after that {error}") from None
