"""Causes that the other cases of the same connector contradict."""

from dataclasses import replace

import pytest

from dualstack.causes.across import settled
from dualstack.chart import Chart, Lane
from dualstack.facts import ALIKE
from dualstack.results import Record
from dualstack.verdict import Verdict

A, AAAA, AAAA2 = "198.51.100.33", "2001:db8:51:1::201", "2001:db8:51:1::203"
STOPPED = f"It tried {AAAA} (refused), and not {A}."


def record(requirement: str, element: str = "client", *tried: str, causes: tuple[str, ...] = ()) -> Record:
    """Return the record of a case whose one run tried these addresses."""
    lanes = tuple(Lane(item, "ipv6" if ":" in item else "ipv4", 0.1, result="no answer") for item in tried)
    return Record(
        requirement=requirement,
        title="",
        level="MUST",
        manifest="service.toml",
        subject="service",
        element=element,
        topology="dual-stack",
        verdict=Verdict.FAIL if causes else Verdict.PASS,
        charts=(Chart("run 1 towards a name", lanes),),
        causes=causes,
        facts=(STOPPED,) if causes else (),
    )


FAILED = record("CONNECT-005", "client", AAAA, causes=("RC-FIRSTADDR", "RC-NOHE"))


def test_who_goes_on_elsewhere_takes_one_failure_for_final() -> None:
    """A connector that tried the other family in one case stops at one kind of failure in another one."""
    other, failed = settled([record("DNS-002", "client", AAAA, A), FAILED])
    assert other.causes == ()
    assert failed.causes == ("RC-ERRORFINAL", "RC-NOHE")
    assert failed.facts == (f"{STOPPED[:-1]}; in DNS-002 it tried {AAAA} (no answer) and {A}.",)


def test_addresses_of_one_family_say_nothing_of_the_other() -> None:
    """A connector that tried several addresses of one family may never try the other one: nothing changes."""
    assert settled([FAILED, record("DNS-009", "client", AAAA, AAAA2)])[0] == FAILED


@pytest.mark.parametrize("other", [record("DNS-002", "client", AAAA, AAAA), record("DNS-002", "another", AAAA, A)])
def test_what_tried_one_address_or_is_another_element_contradicts_nothing(other: Record) -> None:
    """Neither a second attempt at the same address nor the attempts of another connector change a cause."""
    assert settled([other, FAILED])[1] == FAILED


def started(topology: str, *causes: str, ready: bool = True) -> Record:
    """Return the record of a service that starts or not on a host without IPv4."""
    verdict = Verdict.PASS if ready else Verdict.FAIL
    made = record("LISTEN-002", "http", causes=causes)
    return replace(made, topology=topology, verdict=verdict, not_ready=not ready, charts=(), facts=())


def test_who_starts_with_127_0_0_1_and_not_without_it_needs_it() -> None:
    """A service that starts on ipv6-only, and not on ipv6-only-strict, needs 127.0.0.1, whatever its output says."""
    (_, failed) = settled([started("ipv6-only"), started("ipv6-only-strict", ready=False)])
    assert failed.causes == ("RC-LOOPBACK",)
    assert "no 127.0.0.1" in failed.facts[0]


def test_who_starts_on_no_host_without_ipv4_needs_another_address() -> None:
    """A service that starts on neither of the two worlds does not fail for want of 127.0.0.1."""
    alike = [
        started("ipv6-only", "RC-LITERAL", ready=False),
        started("ipv6-only-strict", "RC-LOOPBACK", "RC-LITERAL", ready=False),
    ]
    assert [item.causes for item in settled(alike)] == [("RC-LITERAL",), ("RC-LITERAL",)]


def test_who_opens_no_ipv6_socket_without_127_0_0_1_needs_it() -> None:
    """A service that serves IPv6 on ipv6-only has neither an IPv4-only listener nor a library without IPv6."""
    strict = replace(started("ipv6-only-strict", "RC-V4SOCK", "RC-LIBBUILD"), verdict=Verdict.FAIL)
    (_, failed) = settled([started("ipv6-only"), strict])
    assert failed.causes == ("RC-LOOPBACK",)
    assert "no IPv6 socket" in failed.facts[0]


@pytest.mark.parametrize(
    ("beside", "causes"),
    [
        (replace(started("ipv6-only", "RC-V4SOCK"), verdict=Verdict.FAIL), ("RC-V4SOCK",)),
        (started("ipv6-only", "RC-LITERAL", ready=False), ("RC-V4SOCK",)),
        (started("ipv6-only"), ("RC-ERRORANSWER",)),
    ],
)
def test_who_lacks_an_ipv6_socket_elsewhere_too_or_fails_otherwise_keeps_its_cause(
    beside: Record, causes: tuple[str, ...]
) -> None:
    """Only a missing IPv6 socket, on the host without 127.0.0.1 alone, is a matter of that address."""
    strict = replace(started("ipv6-only-strict", *causes), verdict=Verdict.FAIL)
    assert settled([beside, strict])[1] == strict


def test_a_world_that_did_not_run_changes_nothing() -> None:
    """Without a case on ipv6-only nothing is known about 127.0.0.1."""
    alone = started("ipv6-only-strict", "RC-LOOPBACK", "RC-LITERAL", ready=False)
    assert settled([alone]) == (alone,)


VAIN = "IPv6 clients are accepted, and the service closes the connection without an answer"
RESET = "IPv6 clients are accepted, and the service resets the connection without an answer"
SHOWN = f"{VAIN}; IPv4 clients are served."


def failed_to_serve(requirement: str, *facts: str, causes: tuple[str, ...] = (), element: str = "http") -> Record:
    """Return the record of a listener that does not serve its clients."""
    made = replace(record(requirement, element, causes=causes), verdict=Verdict.FAIL, charts=(), facts=facts)
    return replace(made, topology="ipv6-only" if requirement == "LISTEN-002" else "dual-stack")


@pytest.mark.parametrize("how", [VAIN, RESET])
def test_who_closes_connections_of_one_family_does_so_without_the_other_too(how: str) -> None:
    """A listener whose handler fails for IPv6 clients beside IPv4 ones fails so on an IPv6-only host too."""
    one = failed_to_serve("LISTEN-001", SHOWN, causes=("RC-ERRORANSWER", "RC-BLOCKING"))
    (_, found) = settled([one, failed_to_serve("LISTEN-002", f"{how}.")])
    assert found.causes == ("RC-ERRORANSWER",)
    assert found.facts == (f"In LISTEN-001 on dual-stack: {SHOWN}", f"{how}.")


def test_who_treats_both_families_alike_has_no_cause_of_one_family() -> None:
    """Where a case with both families shows that they fare the same, a case with one of them has no such cause."""
    wrong = tuple(f"{family} clients are answered, but not as they should be." for family in ("IPv4", "IPv6"))
    both = failed_to_serve("LISTEN-001", *wrong, f"{ALIKE}: check protocol.")
    alone = failed_to_serve("LISTEN-002", wrong[1], causes=("RC-ERRORANSWER", "RC-INETATON"))
    assert settled([both, alone])[1].causes == ("RC-INETATON",)
    assert settled([both, alone])[1].facts == (f"In LISTEN-001 on dual-stack: {ALIKE}: check protocol.", wrong[1])
    closed = failed_to_serve("LISTEN-002", f"{VAIN}.", causes=("RC-ERRORANSWER",))
    assert settled([both, closed])[1] == closed


def test_who_ends_the_service_does_so_without_the_other_family_too() -> None:
    """A service that ends for IPv6 clients alone does so on an IPv6-only host; who closes connections runs on."""
    ends = "The service exited with code 70 when an IPv6 client was connected."
    one = failed_to_serve("LISTEN-001", ends, causes=("RC-ERRORANSWER",))
    end = "It ended by itself after it was ready: it exited with code 70."
    alone = failed_to_serve("LISTEN-002", f"{RESET}.", end)
    assert settled([one, alone])[1].causes == ("RC-ERRORANSWER",)
    runs_on = failed_to_serve("LISTEN-002", f"{RESET}.")
    assert settled([one, runs_on])[1] == runs_on


@pytest.mark.parametrize(
    "other",
    [
        failed_to_serve("LISTEN-001", SHOWN, causes=("RC-ERRORANSWER",), element="another"),
        failed_to_serve("LISTEN-001", "No socket takes IPv4.", SHOWN, causes=("RC-V6ONLY",)),
        failed_to_serve("LISTEN-001", SHOWN.replace("IPv6", "IPv4", 1), causes=("RC-MAPPED",)),
        failed_to_serve("LISTEN-001", "IPv6 clients are refused; IPv4 clients are served.", causes=("RC-ERRORANSWER",)),
        failed_to_serve("ROBUST-003", SHOWN, causes=("RC-SIGPIPE",)),
        replace(failed_to_serve("LISTEN-001", SHOWN, causes=("RC-ERRORANSWER",)), verdict=Verdict.PASS),
    ],
)
def test_a_cause_is_not_taken_over_from_what_is_not_the_same(other: Record) -> None:
    """Another element, family or way to fail, or a cause that another fact shows, names no cause of this case."""
    failed = failed_to_serve("LISTEN-002", f"{VAIN}.")
    assert settled([other, failed])[1] == failed


def asking(requirement: str, *types: str, causes: tuple[str, ...] = (), element: str = "client") -> Record:
    """Return the record of a case whose one run queried these types."""
    made = record(requirement, element, causes=causes)
    return replace(made, charts=(Chart("run 1", tuple(Lane(item, "", 0.1) for item in types)),))


LOCALHOST = asking("DNS-011", causes=("RC-RESOLVER", "RC-FIRSTADDR"))


def test_who_queries_both_types_has_no_resolver_of_one_family() -> None:
    """A connector that reaches one address of localhost, and queries both types of a name, tries the first address."""
    failed, _ = settled([LOCALHOST, asking("DNS-003", "AAAA", "A")])
    assert failed.causes == ("RC-FIRSTADDR",)
    assert failed.facts == (STOPPED, "In DNS-003 it queried both types of addresses.")


@pytest.mark.parametrize(
    "other",
    [asking("DNS-003", "A"), asking("DNS-003", "HTTPS", "A"), asking("DNS-003", "AAAA", "A", element="another")],
)
def test_queries_of_one_type_or_of_another_connector_excuse_no_resolver(other: Record) -> None:
    """A resolver of one family remains the likeliest cause unless this connector queries both types."""
    assert settled([LOCALHOST, other])[0] == LOCALHOST


def test_a_resolver_is_the_only_cause_left_and_stays() -> None:
    """Where no other cause explains it, what other cases show of the resolver changes nothing."""
    alone = asking("DNS-011", causes=("RC-RESOLVER",))
    assert settled([alone, asking("DNS-003", "AAAA", "A")])[0] == alone
    several = record("DNS-002", "client", AAAA, A)
    assert settled([LOCALHOST, asking("DNS-003", "AAAA", "A"), several])[0].causes == ("RC-RESOLVER",)


@pytest.mark.parametrize(
    ("types", "first"), [(("A",), "RC-RESOLVER"), (("AAAA", "A"), "RC-INETATON"), ((), "RC-INETATON")]
)
def test_who_never_queries_aaaa_refuses_literals_for_that(types: tuple[str, ...], first: str) -> None:
    """A literal is refused by a resolver of one family, if every query of the connector is of that family."""
    refused = asking("CONNECT-001", causes=("RC-INETATON", "RC-RESOLVER"))
    failed, _ = settled([refused, asking("DNS-001", *types)])
    assert failed.causes[0] == first
    assert {*failed.causes} == {*refused.causes}
    assert ("In DNS-001 it queried A alone." in failed.facts) == (first == "RC-RESOLVER")
