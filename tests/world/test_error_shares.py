"""Whether error statuses under load are given to the clients of both families alike."""

import pytest

from dualstack.families import Family
from dualstack.finding import Symptom
from dualstack.world.error_shares import alike, worse_off

F4, F6 = Family.IPV4, Family.IPV6
USUAL = {F4: 200, F6: 200}


def seen(errors: int, status: int, of: int = 200, usual: int = 200) -> list[int]:
    """Return the statuses of clients of which some get an error."""
    return [status] * errors + [usual] * (of - errors)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
@pytest.mark.parametrize("family", [F4, F6])
def test_errors_of_one_family_only(family: Family, status: int) -> None:
    """A family is worse off from ten errors on if the other has none, whatever the status."""
    for errors, worse in ((200, family), (10, family), (9, None), (0, None)):
        statuses = {family: seen(errors, status), family.other: seen(0, status)}
        assert worse_off(statuses, USUAL) is worse


@pytest.mark.parametrize(("one", "other"), [(140, 140), (100, 140), (20, 40), (200, 200), (1, 0), (5, 0)])
def test_errors_of_both_families(one: int, other: int) -> None:
    """Numbers that chance explains are alike."""
    for statuses in ({F4: seen(one, 503), F6: seen(other, 503)}, {F6: seen(one, 429), F4: seen(other, 429)}):
        assert worse_off(statuses, USUAL) is None
        assert alike(statuses, USUAL, None).ok


def test_a_family_that_gets_far_more_errors() -> None:
    """Errors of both families differ if one family has far more of them."""
    assert worse_off({F4: seen(60, 503), F6: seen(140, 503)}, USUAL) is F6


@pytest.mark.parametrize(("usual", "status", "counts"), [(404, 404, False), (404, 429, True), (404, 503, True)])
def test_the_usual_status_is_no_error(usual: int, status: int, *, counts: bool) -> None:
    """What ordinary clients get is no error under load, also if it is 404; a limit's status is."""
    statuses = {F4: [usual] * 50, F6: [status] * 50}
    assert (worse_off(statuses, {F4: usual, F6: usual}) is F6) is counts


@pytest.mark.parametrize("count", [1, 5])
def test_few_clients(count: int) -> None:
    """Of a service for few clients a family is worse off if all of its clients get an error, and none of the other."""
    assert worse_off({F4: seen(0, 503, count), F6: seen(count, 503, count)}, USUAL) is F6
    assert worse_off({F4: seen(1, 503, 5), F6: seen(5, 503, 5)}, USUAL) is None
    assert worse_off({F4: seen(0, 503, 5), F6: seen(4, 503, 5)}, USUAL) is None


def test_redirects_are_no_errors() -> None:
    """A redirect in place of a page is no error."""
    assert worse_off({F4: [200] * 50, F6: [302] * 50}, USUAL) is None


def test_what_is_reported() -> None:
    """The finding names how many clients of each family got which status."""
    statuses = {F6: seen(140, 503), F4: seen(0, 503)}
    finding = alike(statuses, USUAL, F6)
    assert not finding.ok
    assert finding.symptoms == (Symptom.LIMITED_EARLIER,)
    assert finding.happened == (
        "over IPv4 200 clients get status 200; over IPv6 60 clients get status 200, 140 clients get status 503"
    )
    few = alike({F4: seen(3, 503), F6: [0] * 5}, USUAL, None)
    assert few.ok
    assert few.happened.endswith("over IPv6 5 clients get no status; this may be chance, or the order of the clients")
