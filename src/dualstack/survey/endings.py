"""How an exchange may end besides an answer and an error of a call, as texts of `Observation.answers`."""

from collections.abc import Sequence

from dualstack.prober.messages import Outcome
from dualstack.survey.observation import Observation

UNACCEPTED = "not accepted"
"""The answer over a family in which the kernel establishes connections that the service does not accept in time."""

CLOSED = "the connection is closed"
"""The answer over a family in which the service accepts connections and ends them without an answer."""

STATUS = "status "
"""What an answer over a family begins with that has the status of an error."""


def is_answer(text: str) -> bool:
    """Return whether a client was answered, with whatever status."""
    return text == Outcome.ANSWERED.value or text.startswith(STATUS)


def compare_statuses(seen: Sequence[Observation]) -> None:
    """Take error statuses for ordinary answers where no client of the same listener gets another one."""
    welcome = {_listener(item) for item in seen if Outcome.ANSWERED.value in item.answers.values()}
    for item in seen:
        if _listener(item) not in welcome:
            item.answers.update(
                {family: Outcome.ANSWERED.value for family, text in item.answers.items() if text.startswith(STATUS)}
            )


def _listener(item: Observation) -> tuple[str, str]:
    """Return whose listener was observed, and which."""
    return item.service, item.listener
