"""Clients that are shown each other's addresses, in answers and in a log."""

from dualstack.world.shown_to_clients import missing_in_log, mixed_answers

ONE, OTHER, THIRD = "198.51.100.241", "2001:db8:51:1::9101", "2001:db8:51:1::9102"


def test_answers_that_show_another_client() -> None:
    """Only the address of a client that came at the same time counts; other wrong texts are another matter."""
    assert not mixed_answers({})
    assert not mixed_answers({ONE: [ONE, ONE], OTHER: [OTHER], THIRD: []})
    assert not mixed_answers({ONE: ["198.51.100.24"], OTHER: ["", "2001:db8:51:1::1"]})
    assert mixed_answers({ONE: [ONE, OTHER], OTHER: [OTHER]}) == (
        f"the client at {ONE} is shown {OTHER}, the address of a client that came at the same time"
    )


def test_clients_that_are_missing_in_a_log() -> None:
    """A client is missing only if the log has a line for each client: a log may be late, or leave lines out."""
    came = [ONE, OTHER, THIRD]
    assert not missing_in_log([], [])
    assert not missing_in_log(came, came)
    assert not missing_in_log(came, [ONE, OTHER])
    assert not missing_in_log(came, [])
    assert missing_in_log(came, [THIRD, THIRD, THIRD]) == (
        f"the log has no line about the client at {ONE}, and 3 about the one at {THIRD}"
    )
