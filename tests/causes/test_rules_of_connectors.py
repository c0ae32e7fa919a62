"""Which causes the facts of a connector support: its queries, its attempts with their times, and its output."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, Host, How, Run, Tried, signs_of
from dualstack.families import BOTH
from dualstack.finding import Finding
from dualstack.suites import requirements
from tests.causes.made import IPV4, IPV6

NAME = "a-ok.aaaa-ok.0123abcd.lab.test"
A, AAAA, A2, AAAA2 = "198.51.100.33", "2001:db8:51:1::201", "198.51.100.34", "2001:db8:51:1::202"
NO_IPV6 = Host(families=frozenset({IPV4}), loopbacks=frozenset({IPV4}))
NO_IPV4 = Host(families=frozenset({IPV6}))
NO_AF_INET6 = replace(NO_IPV6, ipv6_sockets=False)
DUAL = Run(NAME, works=False, asked=("A", "AAAA"), names=(NAME,), known=(A, AAAA))
LITERAL = Run(AAAA, works=False)


def tried(address: str, how: How = How.REFUSED, at: float = 0.0, sent: int = 0) -> Tried:
    """Return one attempt."""
    return Tried(IPV6 if ":" in address else IPV4, address, at, how, sent)


def facts(
    run: Run, output: str = "", requirement: str = "CONNECT-005", host: Host | None = None, **changes: object
) -> Facts:
    """Return the facts of a connector with this run, after one that worked."""
    found = Facts(
        requirement=requirement,
        listens=False,
        port=9000,
        claimed=frozenset(BOTH),
        host=host or Host(),
        runs=(replace(run, works=True, tried=(tried(AAAA, How.ANSWERED, sent=6),)), run),
        signs=signs_of(output),
        silent=not output,
        broken=(Finding(False, f"it connects to {run.target}", "it exited with code 1"),),
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # the fields of Facts


CASES = {
    "one of two addresses": ("RC-FIRSTADDR", facts(replace(DUAL, tried=(tried(AAAA),)))),
    "no attempt on an IPv4-only host": (
        "RC-FIRSTADDR",
        facts(DUAL, "connect: Network is unreachable", "CONNECT-007", NO_IPV6),
    ),
    "brackets are part of the server's name": (
        "RC-SNI",
        facts(
            replace(LITERAL, tried=(tried(AAAA, How.ANSWERED),)),
            f"Hostname mismatch, certificate is not valid for '[{AAAA}]'",
            "CONNECT-001",
        ),
    ),
    "an address is compared as another address": (
        "RC-SNI",
        facts(LITERAL, f"IP address mismatch, certificate is not valid for '{AAAA}'", "CONNECT-001"),
    ),
    "only A is asked for": (
        "RC-RESOLVER",
        facts(replace(DUAL, asked=("A",), known=(A,), tried=(tried(A),))),
    ),
    "addresses are known and not used": (
        "RC-RESOLVER",
        facts(replace(DUAL, known=(A,)), "lookup: no such host", "CONNECT-004"),
    ),
    "only A on an IPv6-only host": (
        "RC-RESOLVER",
        facts(replace(DUAL, asked=("A",), known=(A,)), "Network is unreachable", "CONNECT-008", NO_IPV4),
    ),
    "one address of each family": (
        "RC-RESOLVERORDER",
        facts(replace(DUAL, known=(A, A2, AAAA, AAAA2), tried=(tried(AAAA), tried(A, at=0.1)))),
    ),
    "four seconds between addresses": (
        "RC-NOHE",
        facts(replace(DUAL, works=True, seconds=4.1, tried=(tried(AAAA), tried(A, How.ANSWERED, 4.0)))),
    ),
    "still waiting for a dead address": (
        "RC-NOHE",
        facts(
            replace(DUAL, seconds=10.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),), known=(A, AAAA)),
            requirement="DNS-002",
        ),
    ),
    "the request on both": (
        "RC-RACEALL",
        facts(replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED, 0.0, 6), tried(A, How.ANSWERED, 0.001, 6)))),
    ),
    "an IPv6 socket for IPv4": (
        "RC-WRONGFAMILYSOURCE",
        facts(DUAL, "[Errno -9] Address family for hostname not supported"),
    ),
    "EINVAL towards the other family": ("RC-WRONGFAMILYSOURCE", facts(DUAL, "connect: Invalid argument")),
    "no IPv6 sockets": (
        "RC-NOINET6",
        facts(DUAL, "socket: Address family not supported by protocol", "CONNECT-007", NO_AF_INET6),
    ),
    "a literal with the search domain": (
        "RC-INETATON",
        facts(
            replace(LITERAL, asked=("A", "AAAA"), names=(f"{AAAA}.example.com",)),
            f"{AAAA}.example.com.: [Errno -2] Name or service not known",
            "CONNECT-001",
        ),
    ),
    "inet_aton": (
        "RC-INETATON",
        facts(LITERAL, "OSError: illegal IP address string passed to inet_aton", "CONNECT-001"),
    ),
    "a bare literal is looked up": (
        "RC-INETATON",
        facts(LITERAL, f"getaddrinfo ENOTFOUND {AAAA}", "CONNECT-001"),
    ),
    "joined without brackets, in Go": (
        "RC-BRACKET",
        facts(LITERAL, f"dial tcp: address {AAAA}:9000: too many colons in address", "CONNECT-001"),
    ),
    "joined without brackets, looked up": (
        "RC-BRACKET",
        facts(LITERAL, f"{AAAA}:9000: Name or service not known", "CONNECT-001"),
    ),
    "joined without brackets, and dialled": (
        "RC-BRACKET",
        facts(replace(LITERAL, tried=(tried(f"{AAAA}:9000", How.IGNORED),)), "timed out", "CONNECT-001"),
    ),
    "split at the first colon": (
        "RC-SPLIT",
        facts(LITERAL, "invalid literal for int() with base 10: 'db8:51:1::201]:9000'", "CONNECT-001"),
    ),
    "brackets are left on": (
        "RC-SPLIT",
        facts(LITERAL, f"lookup [{AAAA}]: no such host", "CONNECT-001"),
    ),
    "half of the target": (
        "RC-SOCKADDR",
        facts(LITERAL, "connect: No route to host", "CONNECT-001", strangers=("2001:db8:51:1::",)),
    ),
    "an IPv4-mapped target": (
        "RC-MAPPEDTARGET",
        facts(Run(f"::ffff:{A}", works=False, seconds=8.0), "no answer", "INTEROP-003"),
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES)
def test_facts_name_their_cause(code: str, found: Facts) -> None:
    """The first cause is the one that the facts support, and it is not contradicted."""
    known = requirements().get(found.requirement)
    causes = likely(known.causes if known else ("RC-NOHE",), found)
    assert [item.code for item in causes][:1] == [code]
    assert causes[0].weight
    assert not contradiction(code, found)


CONTRADICTED = {
    "RC-FIRSTADDR, all were tried": (
        "RC-FIRSTADDR",
        facts(replace(DUAL, tried=(tried(AAAA), tried(A)))),
    ),
    "RC-FIRSTADDR, the next one came late": (
        "RC-FIRSTADDR",
        facts(replace(DUAL, works=True, seconds=4.1, tried=(tried(AAAA), tried(A, How.ANSWERED, 4.0)))),
    ),
    "RC-FIRSTADDR, it knew one": (
        "RC-FIRSTADDR",
        facts(replace(DUAL, asked=("A",), known=(A,), tried=(tried(A),))),
    ),
    "RC-NOHE, nothing took long": ("RC-NOHE", facts(replace(DUAL, seconds=0.1, tried=(tried(AAAA),)))),
    "RC-INETATON, the port was joined": (
        "RC-INETATON",
        facts(LITERAL, f"{AAAA}:9000: Name or service not known", "CONNECT-001"),
    ),
}


@pytest.mark.parametrize(("code", "found"), CONTRADICTED.values(), ids=CONTRADICTED)
def test_a_contradicted_cause_is_never_named(code: str, found: Facts) -> None:
    """A cause that the facts rule out is not named, even if the requirement lists it."""
    assert contradiction(code, found)
    assert code not in [item.code for item in likely([code], found)]


@pytest.mark.parametrize(
    ("output", "codes"),
    [
        (f"connect to {NAME}: Network is unreachable", ["RC-FIRSTADDR", "RC-WRONGFAMILYSOURCE"]),
        (f"connect to {NAME}: Cannot assign requested address", ["RC-FIRSTADDR", "RC-WRONGFAMILYSOURCE"]),
        (f"connect to {AAAA}: Network is unreachable", ["RC-FIRSTADDR"]),
    ],
)
def test_an_error_without_an_address_fits_two_causes(output: str, codes: list[str]) -> None:
    """Stopping at IPv6, and IPv4 that fails in the host, look alike; an error that names the IPv6 address decides."""
    found = facts(DUAL, output, "CONNECT-007", NO_IPV6)
    assert [item.code for item in likely(requirements()["CONNECT-007"].causes, found)] == codes


def test_a_race_of_attempts_is_no_race_of_requests() -> None:
    """A client that connects to every address at once and sends its request on one follows RFC 8305."""
    run = replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED, 0.0, 6), tried(A, How.ANSWERED, 0.001)))
    assert "RC-RACEALL" not in [item.code for item in likely(("RC-FIRSTADDR",), facts(run))]
