"""What the attempts of a connector and the queries of a relay contradict: such a cause is never named."""

from dataclasses import replace

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, Host, How, Run, sentences, signs_of
from dualstack.finding import Finding, Symptom
from dualstack.suites import requirements
from tests.causes.made import DUAL as SOCKET
from tests.causes.made import HUNG_UP, IPV6, OK, saw
from tests.causes.made import facts as listener
from tests.causes.test_rules_of_connectors import A2, AAAA, AAAA2, DUAL, NAME, NO_IPV6, A, facts, tried

IGNORED, ANSWERED = How.IGNORED, How.ANSWERED
SERVER_MISSED = Symptom.SERVER_MISSED


def codes(found: Facts) -> list[str]:
    """Return the causes that the facts support without the requirement's own."""
    return [item.code for item in likely([], found)]


def both_tried(first: How) -> Run:
    """Return a run with attempts to both addresses, the first of which is answered after 0.4 s if at all."""
    return replace(
        DUAL, works=True, seconds=1.0, tried=(tried(AAAA, first, after=0.4), tried(A, ANSWERED, 0.25, sent=6))
    )


def test_attempts_to_several_addresses_contradict_the_first_alone() -> None:
    """A run of the case in which several addresses were tried shows that the program does not try the first alone."""
    refused = replace(DUAL, tried=(tried(AAAA),))
    for first in (IGNORED, ANSWERED):
        found = facts(refused, requirement="CONNECT-014", runs=(both_tried(first), refused))
        assert contradiction("RC-FIRSTADDR", found) == f"for {NAME} it tried {AAAA} and {A}"
        assert codes(found) == ["RC-ERRORFINAL"]
    assert codes(facts(refused)) == ["RC-FIRSTADDR"]


def test_an_error_that_no_packet_brings_about_is_of_another_address() -> None:
    """EINVAL beside a refused attempt, or two errors without any attempt, show that two addresses were tried."""
    refused, silent = replace(DUAL, tried=(tried(AAAA),)), replace(DUAL, tried=(tried(AAAA, IGNORED),))
    two = "connect failed: Connection refused\nconnect failed: Invalid argument"
    for runs in ((refused,), (silent, refused), (both_tried(IGNORED), refused)):
        found = facts(refused, two, requirement="DNS-003", runs=runs)
        assert codes(found) == ["RC-WRONGFAMILYSOURCE"]
    for error in ("Network is unreachable", "Cannot assign requested address"):
        found = facts(DUAL, f"connect failed: Invalid argument\nconnect failed: {error}", "CONNECT-007", NO_IPV6)
        assert "two addresses" in contradiction("RC-FIRSTADDR", found)
        assert "RC-WRONGFAMILYSOURCE" in [item.code for item in likely(["RC-WRONGFAMILYSOURCE"], found)]


def test_one_error_or_that_of_another_call_shows_no_second_address() -> None:
    """An error that is reported twice, in two ways, or by setsockopt() is no second attempt."""
    once, again = "connect: Address family not supported by socket", "EAFNOSUPPORT: not connected"
    for output in (f"{once}\n{again}", "setsockopt: Invalid argument\nconnect: Network is unreachable"):
        assert not contradiction("RC-FIRSTADDR", facts(DUAL, output, "CONNECT-007", NO_IPV6))
    refused = replace(DUAL, tried=(tried(AAAA),))
    output = "connect: Connection refused\nshutdown: Invalid argument"
    assert not contradiction("RC-FIRSTADDR", facts(refused, output, "CONNECT-005"))
    unsent = facts(refused, "connect: Invalid argument", "CONNECT-005", runs=(refused, DUAL))
    assert not contradiction("RC-FIRSTADDR", unsent)


def test_a_time_limit_is_judged_after_some_time() -> None:
    """A run that was stopped after 0.3 s may have a time limit; one that waits for 10 s has none."""
    waiting = replace(DUAL, timed_out=True, tried=(tried(AAAA, IGNORED), tried(A, IGNORED, 0.001)))
    burst = facts(replace(waiting, seconds=0.3), requirement="DNS-004")
    assert codes(burst) == ["RC-BURST"]
    assert codes(facts(replace(waiting, seconds=10.0), requirement="CONNECT-012")) == ["RC-NOTIMEOUT"]


def test_a_wrong_text_is_not_explained_by_attempts() -> None:
    """Where only the output is wrong, no cause about attempts is named beside that."""
    late = replace(DUAL, seconds=6.0, tried=(tried(AAAA, IGNORED), tried(A, IGNORED, 3.0)))
    unnamed = Finding(False, "named", "it does not name them", symptoms=(Symptom.UNNAMED_ADDRESS,))
    for run in (late, replace(late, tried=late.tried[:1])):
        assert codes(facts(run, requirement="CONNECT-012", broken=(unnamed,))) == ["RC-NAMELESSERROR"]
    both = unnamed, Finding(False, "it ends within 5 s", "it did not")
    assert "RC-NOHE" in codes(facts(late, requirement="CONNECT-012", broken=both))


def test_a_daemon_that_tries_an_old_address_for_ever_has_not_given_up() -> None:
    """Its old address explains that it asks for nothing and reaches nothing; a family that it leaves out is another."""
    kept = Finding(False, "again", "0 queries, 16 attempts", symptoms=(Symptom.KEPT_ADDRESS,))
    still = Finding(False, "again", "0 queries, no attempt", symptoms=(Symptom.NO_RETRY,))
    run = replace(DUAL, tried=(tried(A, ANSWERED), tried(A, at=1.0)))
    assert codes(facts(run, requirement="DNS-010", broken=(still, kept))) == ["RC-DNSCACHE"]
    assert codes(facts(run, requirement="DNS-010", broken=(still,))) == ["RC-NORETRY"]


def test_an_aaaa_answer_that_is_awaited_for_ever_is_a_matter_of_resolution() -> None:
    """It had an IPv4 address in time, and ended without any attempt; not so if it dialled inside its host."""
    awaits = replace(DUAL, known=(A,), seconds=8.0)
    found = facts(awaits, "context deadline exceeded", "DNS-007")
    assert codes(found) == ["RC-RESOLVER"]
    assert likely([], found)[0].because == f"it got {A}, no answer to AAAA, and made no attempt in 8.0 s"
    assert "RC-RESOLVER" not in codes(facts(awaits, "connect: Invalid argument", "DNS-007"))


def test_a_relay_that_does_not_use_an_address_has_not_missed_a_name() -> None:
    """Its output says that its server's address is not suitable; a lookup of an address that fails is one of names."""
    missed = Finding(False, f"an IPv4 client is answered at [{AAAA}]:9000", "closed", symptoms=(Symptom.SERVER_MISSED,))
    found = listener(HUNG_UP, OK, SOCKET, listens=False, requirement="FORWARD-001", clients=frozenset({A, AAAA}))
    for output, code in {
        f"forward to {AAAA}: no suitable address\nforward to {NAME}: no suitable address": "RC-WRONGFAMILYSOURCE",
        f"forward to {NAME}: no suitable address": "RC-RESOLVER",
        f"client {A}: no suitable address": "RC-RESOLVER",
        f"getaddrinfo ENOTFOUND {AAAA}": "RC-RESOLVER",
    }.items():
        relay = replace(found, broken=(missed,), signs=signs_of(output))
        assert next(iter(codes(relay))) == code
    by_ipv4 = replace(missed, expected=f"an IPv6 client is answered at {A}:9000")
    relay = replace(found, broken=(by_ipv4,), signs=signs_of(f"forward to {A}:9000: no suitable address"))
    assert next(iter(codes(relay))) == "RC-WRONGFAMILYSOURCE"


def test_only_an_output_that_names_the_proxy_shows_that_it_is_used() -> None:
    """Another address in the output, another port, or an attempt to the target itself shows no proxy."""
    proxy = ("127.0.0.1", 3128)
    literal, names_it = Run(AAAA, works=False), "connect ECONNREFUSED 127.0.0.1:3128"
    assert codes(facts(literal, names_it, "CONNECT-001", proxies=(proxy,))) == ["RC-PROXYENV"]
    attempt = replace(literal, tried=(tried(AAAA),))
    for run, output, proxies in (
        (literal, names_it, ()),
        (literal, "connect ECONNREFUSED 127.0.0.1:31280", (proxy,)),
        (literal, "connect ECONNREFUSED 127.0.0.1:4317", (proxy,)),
        (attempt, names_it, (proxy,)),
        (replace(literal, target=A), names_it, (proxy,)),
    ):
        assert "RC-PROXYENV" not in codes(facts(run, output, "CONNECT-001", proxies=proxies))


def test_what_failed_is_the_evidence_of_a_cause_without_a_sentence() -> None:
    """A requirement that is about one bug shows what was wrong: the request line that was sent."""
    head = Finding(False, "the request names its hosts correctly", f"'GET http://{AAAA}:80/': it lacks brackets")
    for requirement, code in (("CONNECT-017", "RC-BRACKET"), ("ADDR-006", "RC-ZONELEAK")):
        found = likely([], facts(Run(AAAA, works=True), requirement=requirement, broken=(head,)))
        assert [(item.code, item.because) for item in found] == [(code, head.text)]


def test_a_write_that_fails_shows_that_the_failure_of_connect_was_not_read() -> None:
    """It is no decision after an error of connect(): RC-SOERROR explains it, in every run."""
    refused = replace(DUAL, tried=(tried(AAAA),))
    runs = (both_tried(IGNORED), refused)
    output = f"write to {AAAA}: Connection refused"
    assert codes(facts(refused, output, "DNS-003", runs=runs)) == ["RC-SOERROR"]
    assert codes(facts(refused, f"connect to {AAAA}: Connection refused", "DNS-003", runs=runs)) == ["RC-ERRORFINAL"]


def test_repeated_attempts_have_a_time_limit() -> None:
    """New connections to the same address show that each attempt is limited, and that no pause follows a dead one."""
    again = (tried(AAAA, IGNORED, 2.4), tried(A, IGNORED, 2.8), tried(AAAA, IGNORED, 5.2), tried(A, IGNORED, 5.6))
    waiting = replace(DUAL, seconds=11.6, timed_out=True, tried=again)
    found = facts(waiting, requirement="CONNECT-012", runs=(waiting,))
    assert codes(found) == []
    assert contradiction("RC-NOTIMEOUT", found) == f"for {NAME} it tried {AAAA} again, with a new connection"
    once = replace(found, runs=(replace(waiting, tried=again[:2]),))
    assert [(item.code, item.because) for item in likely([], once)] == [
        ("RC-NOTIMEOUT", "9.2 s after its first attempt it was still waiting, although it had tried every address")
    ]


def test_waiting_begins_with_the_attempt() -> None:
    """The time before the attempt is the program's start, or its lookup."""
    found = facts(replace(DUAL, seconds=6.7, timed_out=True, tried=(tried(AAAA, IGNORED, 3.6),)), requirement="DNS-002")
    assert "3.1 s after its attempt it was still waiting for " + AAAA in [
        item.because for item in likely(["RC-NOHE"], found)
    ]


def test_attempts_to_loopback_addresses_are_not_denied() -> None:
    """No capture shows loopback: nothing is said of attempts that may have gone there."""
    local = Run("localhost", works=False)
    named = Run(NAME, works=False, asked=("A", "AAAA"), names=(NAME,), known=("::1",))
    for run in (local, named, replace(named, known=("::ffff:127.0.0.1",)), Run("127.0.0.1", works=False)):
        found = facts(run, "connection refused", "DNS-016", runs=(run,))
        assert not [text for text in sentences(found) if "no connection attempt" in text or "did not try" in text]
    assert f"For {NAME} it made no connection attempt." in sentences(facts(DUAL))


def test_a_good_answer_beside_a_broken_one_is_not_used() -> None:
    """In DNS-008 one query has an address; without an attempt the resolver has dropped it."""
    run = replace(DUAL, known=(A,))
    assert codes(facts(run, "Bad address length for Socket::inet_ntop", "DNS-008", runs=(run,))) == ["RC-RESOLVER"]
    assert "RC-RESOLVER" not in codes(facts(replace(run, tried=(tried(A),)), "", "DNS-008"))
    used = facts(run, f"cannot connect to {A}: address family not supported by socket", "DNS-008", runs=(run,))
    assert codes(used)[0] == "RC-WRONGFAMILYSOURCE"
    assert "RC-RESOLVER" not in codes(used)


def test_only_the_runs_that_a_finding_names_are_described() -> None:
    """Other runs are of other targets; what an output shows is not explained by queries at all."""
    other = Run("198.51.100.289", works=False, asked=("A", "AAAA"))
    malformed = Run("2001:db8:51:1::00201", works=True, tried=(tried(AAAA, ANSWERED),))
    finding = Finding(False, f"given {malformed.target} it reports an error", "it connected")
    found = facts(other, requirement="ADDR-002", runs=(other, malformed), broken=(finding,))
    assert not [text for text in sentences(found) if other.target in text]
    assert [item.because for item in likely(["RC-ADDRTEXT"], found)] == [finding.text]
    shown = replace(found, requirement="ADDR-003", broken=(Finding(False, "its output shows it", "it shows 0:0"),))
    assert not [text for text in sentences(shown) if "queried" in text or "tried" in text]
    assert [item.because for item in likely(["RC-ADDRFORMAT"], shown)] == [shown.broken[0].text]


def test_a_relay_that_asks_for_one_family_has_a_resolver_of_one_family() -> None:
    """The queries show it: the kind of target is not the reason, and its client neither."""
    missed = Finding(
        False,
        f"an IPv4 client is answered by the IPv6 server at {NAME}:9000",
        "the relay opens no tunnel",
        symptoms=(Symptom.TUNNEL_REFUSED,),
    )
    found = listener(HUNG_UP, OK, SOCKET, listens=False, requirement="FORWARD-001", broken=(missed,))
    only_a = replace(found, asked=((NAME, ("A",)),))
    assert codes(only_a)[0] == "RC-RESOLVER"
    assert "RC-TARGET" not in codes(only_a)
    assert f"For {NAME} it queried A." in sentences(only_a)
    assert codes(replace(found, asked=((NAME, ("A", "AAAA")),)))[0] == "RC-TARGET"
    by_address = replace(missed, expected="an IPv4 client is answered by the IPv6 server at [2001:db8::1]:9000")
    assert "RC-RESOLVER" not in codes(replace(only_a, broken=(by_address, missed)))
    to_ipv4 = replace(only_a, broken=(replace(missed, expected=f"answered by the IPv4 server at {NAME}:9000"),))
    assert "RC-RESOLVER" not in codes(to_ipv4)


def test_a_second_address_of_a_family_is_another_address() -> None:
    """A pause before an address that was not tried yet is long; one before a repetition is not meant."""
    late = replace(DUAL, works=True, tried=(tried(AAAA, IGNORED), tried(AAAA2, ANSWERED, 3.0, sent=6)))
    assert codes(facts(late, requirement="DNS-002", runs=(late,))) == ["RC-NOHE"]
    repeated = replace(late, tried=(tried(AAAA, IGNORED), tried(A, IGNORED, 0.3), tried(AAAA, ANSWERED, 3.3, sent=6)))
    assert codes(facts(repeated, requirement="DNS-002", runs=(repeated,))) == []


def test_a_relay_that_reaches_its_server_by_address_has_a_socket_that_fits() -> None:
    """On a host of one family it fails with a name of both families alone: it uses the address of the other one."""
    by_name = Finding(
        False, f"an IPv4 client is answered by the IPv4 server at {NAME}:9000", "closed", symptoms=(SERVER_MISSED,)
    )
    by_address = Finding(True, f"an IPv4 client is answered by the IPv4 server at {A}:9000", "it was")
    found = listener(HUNG_UP, OK, SOCKET, listens=False, relays=True, requirement="FORWARD-020", host=NO_IPV6)
    found = replace(found, asked=((NAME, ("A", "AAAA")),), broken=(by_name,), fulfilled=(by_address,))
    causes = likely(requirements()["FORWARD-020"].causes, found)
    assert [item.code for item in causes] == ["RC-FIRSTADDR", "RC-RESOLVERORDER"]
    assert f"given {NAME} it does not" in causes[0].because
    missed = replace(by_address, ok=False, symptoms=(SERVER_MISSED,))
    for other in (
        replace(found, fulfilled=()),
        replace(found, fulfilled=(), broken=(missed, by_name)),
        replace(found, host=Host()),
        replace(found, asked=((NAME, ("A",)),)),
    ):
        assert next(iter(codes(other))) == "RC-WRONGFAMILYSOURCE"


def test_a_client_has_no_sockets_that_collide() -> None:
    """EADDRINUSE in the output of a client, as of a local port that is taken, is not about a listener's port."""
    refused = facts(replace(DUAL, tried=(tried(A),)), "connect: Address already in use")
    assert "RC-DOUBLEBIND" not in codes(replace(refused, ipv6=saw(IPV6, How.REFUSED)))


def test_a_limit_of_each_attempt_is_a_limit() -> None:
    """A next attempt after 8 s shows that the one before was limited; one after 0.25 s or 70 s shows no such limit."""
    for pause, expected in ((8.0, ["RC-LIMITEACH", "RC-NOHE"]), (0.25, ["RC-NOTIMEOUT"])):
        both_dead = (tried(AAAA, IGNORED), tried(A, IGNORED, pause))
        found = facts(replace(DUAL, seconds=10.0, timed_out=True, tried=both_dead), requirement="CONNECT-012")
        causes = likely(requirements()["CONNECT-012"].causes, found)
        assert [item.code for item in causes] == expected
    late = (tried(AAAA, IGNORED), tried(A, IGNORED, 70.0))
    found = facts(replace(DUAL, seconds=80.0, timed_out=True, tried=late), requirement="CONNECT-012")
    assert not contradiction("RC-NOTIMEOUT", found)


def test_who_has_tried_every_address_has_no_next_one_to_begin() -> None:
    """A client that waits for the last of its addresses does not try them too late: RC-NOHE needs one that is left."""
    both_dead = (tried(AAAA, IGNORED), tried(A, IGNORED, 0.25))
    raced = facts(replace(DUAL, seconds=10.0, timed_out=True, tried=both_dead), requirement="DNS-003")
    assert "RC-NOHE" not in [item.code for item in likely(["RC-NOHE"], raced)]
    left = facts(replace(DUAL, seconds=10.0, timed_out=True, tried=both_dead[:1]), requirement="DNS-003")
    assert "RC-NOHE" in [item.code for item in likely(["RC-NOHE"], left)]


def test_the_same_failure_is_not_final_in_another_run() -> None:
    """Who went on after a refusal does not stop at one: where it stops, the next address is of the other family."""
    went_on = replace(DUAL, works=True, known=(A, A2, AAAA), tried=(tried(A), tried(A2, ANSWERED, 0.01)))
    stopped = replace(DUAL, seconds=0.1, tried=(tried(A),))
    found = facts(stopped, requirement="CONNECT-006", runs=(went_on, stopped))
    assert codes(found) == ["RC-ONEFAMILY"]
    assert likely([], found)[0].because == (
        f"it tried {A}, and no IPv6 address; in another run it went on after {A} (refused) with {A2}"
    )
    over_ipv6 = replace(DUAL, works=True, tried=(tried(AAAA, ANSWERED),))
    silent = replace(went_on, tried=(tried(A, IGNORED), tried(A2, ANSWERED, 0.25)))
    for runs in ((went_on, stopped, over_ipv6), (silent, stopped)):
        assert codes(replace(found, runs=runs)) == ["RC-ERRORFINAL"]


def test_a_run_that_was_still_trying_shows_no_habit() -> None:
    """Addresses of one family so far, with a pause between them as long as the one after the last, show nothing."""
    slow = tuple(tried(item, IGNORED, at * 3.0) for at, item in enumerate((AAAA, AAAA2)))
    run = replace(DUAL, seconds=5.0, timed_out=True, known=(AAAA, AAAA2, A), tried=slow)
    assert "RC-ONEFAMILY" not in codes(facts(run, requirement="DNS-009", runs=(run,)))
    longer = replace(run, seconds=12.0)
    assert "RC-ONEFAMILY" in codes(facts(longer, requirement="DNS-009", runs=(longer,)))
