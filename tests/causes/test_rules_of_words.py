"""Words of an output, and facts of several starts, name a cause only where they belong together."""

from dataclasses import replace

import pytest

from dualstack.causes import starting
from dualstack.facts import Facts, How, Run, Start
from dualstack.finding import Finding, Symptom
from tests.causes.made import (
    CLIENT,
    DUAL,
    HUNG_UP,
    IN_USE,
    IPV4,
    IPV6,
    OK,
    ONLY,
    REFUSED,
    ZERO,
    facts,
    first,
    held,
    row,
    saw,
)

LOCAL4, LOCAL6 = row("127.0.0.1"), row("::1")
TRACES = 'traces export: Post "http://localhost:4318/v1/traces": dial tcp [::1]:4318: connect: connection refused'
GROWTH = Finding(False, "it has 8 descriptors", "it has 208", symptoms=(Symptom.GROWTH,))
WIDE, PAIR = row("::", v6only=False), "0.0.0.0, ::"


def started(bind: str, *sockets: object, ready: bool = True) -> Start:
    """Return a start with this listen address and these sockets."""
    return Start(bind=bind, ready=ready, sockets=sockets)  # type: ignore[arg-type]  # rows


CASES = {
    "names are asked for, and descriptors grow": (
        "RC-LEAK",
        facts(reverse=True, requirement="ROBUST-007", broken=(GROWTH,)),
    ),
    "names are asked for, and a handler hangs up": ("RC-ERRORANSWER", facts(OK, HUNG_UP, ZERO, ONLY, reverse=True)),
    "names are asked for, and clients wait": (
        "RC-REVERSELOOKUP",
        facts(OK, How.KEPT_WAITING, ZERO, ONLY, reverse=True, requirement="LISTEN-016"),
    ),
    "a collector of traces is not there": (
        "RC-ERRORANSWER",
        facts(OK, HUNG_UP, ZERO, ONLY, output=TRACES, exchanges=(held(IPV4, OK), held(IPV6, HUNG_UP))),
    ),
    "no client is served without the back end": (
        "RC-LOCALHOSTBACKEND",
        facts(HUNG_UP, HUNG_UP, DUAL, output=TRACES, exchanges=(held(IPV4, HUNG_UP), held(IPV6, HUNG_UP))),
    ),
    "the port of an earlier start is busy": (
        "RC-REUSEADDR",
        facts(
            output=IN_USE,
            requirement="SEC-001",
            starts=(started("::", WIDE), started("::", ready=False)),
            broken=(Finding(False, "the service starts with the rule deny 192.0.2.1", "it did not"),),
        ),
    ),
    "a pair that was never started before": (
        "RC-DOUBLEBIND",
        facts(
            output=IN_USE,
            requirement="LISTEN-008",
            starts=(started("::", WIDE), started(PAIR, ready=False)),
            broken=(Finding(False, "an IPv4 client is answered", "the service did not start"),),
        ),
    ),
    "the port of a debugger is in use": (
        "RC-V4SOCK",
        facts(OK, REFUSED, ZERO, output="inspector on 127.0.0.1:9229 failed: address already in use"),
    ),
    "the port of metrics is in use, then its own": (
        "RC-DOUBLEBIND",
        facts(OK, REFUSED, ZERO, output="listen tcp :9090: bind: address already in use\nlisten tcp :8080: " + IN_USE),
    ),
    "an IPv6 address cannot be bound": (
        "RC-BINDSWALLOWED",
        facts(
            OK,
            REFUSED,
            ZERO,
            output='could not bind IPv6 address "2001:db8:9::1": Cannot assign requested address',
            starts=(started("0.0.0.0", ZERO),),
        ),
    ),
    "wider than asked, and then started with its default": (
        "RC-EXPOSE",
        facts(
            OK,
            OK,
            WIDE,
            requirement="INTEROP-005",
            starts=(started("2001:db8:51:1::101", WIDE), started("::", WIDE)),
            broken=(Finding(False, "an IPv4 client is refused", "it was answered"),),
        ),
    ),
    "half a pair, and then started with its default": (
        "RC-DOUBLEBIND",
        facts(
            OK,
            saw(IPV6, REFUSED),
            ZERO,
            WIDE,
            requirement="LISTEN-008",
            starts=(started(PAIR, ZERO), started("::", WIDE)),
        ),
    ),
    "a mapped client beside another denial": (
        "RC-MAPPED",
        facts(HUNG_UP, OK, DUAL, output='GET / from ::ffff:198.51.100.33\nopen("/var/log/app.log"): Permission denied'),
    ),
    "localhost is ::1 alone": (
        "RC-FIRSTLOCAL",
        facts(REFUSED, OK, LOCAL6, requirement="LISTEN-013", starts=(started("localhost", LOCAL6),)),
    ),
    "localhost is 127.0.0.1 alone": (
        "RC-RESOLVER",
        facts(OK, REFUSED, LOCAL4, requirement="LISTEN-013", starts=(started("localhost", LOCAL4),)),
    ),
    "localhost is one address, as it claims": (
        "RC-EXPOSE",
        facts(
            OK,
            OK,
            row("127.0.0.1"),
            row("::", 9229, v6only=False),
            requirement="SEC-004",
            claimed=frozenset({IPV4}),
            starts=(started("localhost", row("127.0.0.1")),),
            broken=(Finding(False, f"{CLIENT[IPV6]} reaches no port", "port 9229 is open"),),
        ),
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES)
def test_facts_name_their_cause(code: str, found: Facts) -> None:
    """The first cause is the one that the facts about the failure itself support."""
    assert first(found) == code


def test_clients_that_were_answered_at_once_block_nobody() -> None:
    """A limit that answers with an error is no service that lets clients wait."""
    errors = facts(OK, replace(saw(IPV6, OK), works=False), DUAL, requirement="ROBUST-005")
    assert "RC-BLOCKING" not in first(errors)


def test_a_connector_that_has_exited_does_not_keep_running() -> None:
    """An error of bind() says of a service that it runs with one family; of a connector's run it says nothing."""
    served = facts(OK, REFUSED, ZERO, output=IN_USE)
    assert starting.names_bind_error_and_runs(served) == f'it keeps running, and its output says "{IN_USE}"'
    assert not starting.names_bind_error_and_runs(replace(served, listens=False, runs=(Run("::1", works=False),)))
