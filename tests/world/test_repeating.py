"""Which clients are dialled again at the end of a case, so that order and family can be told apart."""

import pytest

from dualstack.facts import Exchange, Start
from dualstack.facts.sentences import sentences
from dualstack.world.repeating import only_before_others, unseen_as_first
from tests.causes.made import DUAL, HUNG_UP, IPV4, IPV6, OK, REFUSED, STARTED, facts, held
from tests.causes.test_rules_of_loss import WAITING

LATER = held(IPV6, HUNG_UP, start=2)


@pytest.mark.parametrize(
    ("exchanges", "again"),
    [
        ([held(IPV4, WAITING), held(IPV6, OK)], [IPV4]),
        ([held(IPV4, HUNG_UP), held(IPV6, OK)], [IPV4]),
        ([held(IPV4, WAITING), held(IPV6, OK), held(IPV4, WAITING)], []),
        ([held(IPV4, OK), held(IPV6, WAITING)], []),
        ([held(IPV4, REFUSED), held(IPV6, OK)], []),
        ([held(IPV4, WAITING), held(IPV6, WAITING)], []),
    ],
)
def test_who_came_only_before_others(exchanges: list[Exchange], again: list[object]) -> None:
    """A client that failed before any other was answered is dialled again, unless it was refused, or came later too."""
    assert [item.family for item in only_before_others(exchanges)] == again


@pytest.mark.parametrize(
    ("exchanges", "again"),
    [
        ([held(IPV4, OK), held(IPV6, HUNG_UP)], [IPV6]),
        ([held(IPV4, HUNG_UP), held(IPV6, REFUSED)], [IPV6]),
        ([held(IPV4, OK), held(IPV4, HUNG_UP, source="198.51.100.34"), held(IPV6, REFUSED)], [IPV4, IPV6]),
        ([held(IPV4, OK), held(IPV6, HUNG_UP), LATER], []),
        ([held(IPV4, HUNG_UP)], []),
    ],
)
def test_who_was_not_the_first_client_of_a_start(exchanges: list[Exchange], again: list[object]) -> None:
    """The client with which a service ended, and one of the other family, are each once the first of a start."""
    last = next(item for item in exchanges if item.how is not OK)
    assert [item.family for item in unseen_as_first(exchanges, last)] == again


def test_an_end_that_does_not_depend_on_a_family_is_said() -> None:
    """If the client with which the service ended is answered after a new start, the facts say so."""
    ended = Start(ready=True, ended="exited with code 3", code=3)
    own = (held(IPV4, OK), held(IPV6, HUNG_UP), held(IPV6, OK, start=2))
    found = facts(OK, HUNG_UP, DUAL, starts=(ended, STARTED), exchanges=own)
    text = "The IPv6 client with which it ended is answered after a new start: its family is not the cause."
    assert text in sentences(found)
    assert text not in sentences(facts(OK, HUNG_UP, DUAL, starts=(ended, ended), exchanges=(*own[:2], LATER)))
