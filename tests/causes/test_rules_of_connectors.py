"""Which causes the facts of a connector support: its queries, its attempts with their times, and its output."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.causes.rule import FITS
from dualstack.facts import Facts, Host, How, Run, Tried, signs_of
from dualstack.families import BOTH
from dualstack.finding import Finding, Symptom
from dualstack.suites import requirements
from tests.causes.made import IPV4, IPV6, saw

NAME = "a-ok.aaaa-ok.0123abcd.lab.test"
A, AAAA, A2, AAAA2 = "198.51.100.33", "2001:db8:51:1::201", "198.51.100.34", "2001:db8:51:1::202"
AAAA3 = "2001:db8:51:1::203"
NO_IPV6 = Host(families=frozenset({IPV4}), loopbacks=frozenset({IPV4}))
NO_IPV4 = Host(families=frozenset({IPV6}))
NO_AF_INET6 = replace(NO_IPV6, ipv6_sockets=False)
DUAL = Run(NAME, works=False, asked=("A", "AAAA"), names=(NAME,), known=(A, AAAA))
LITERAL = Run(AAAA, works=False)


def tried(address: str, how: How = How.REFUSED, at: float = 0.0, sent: int = 0, after: float = 0.0) -> Tried:
    """Return one attempt."""
    return Tried(IPV6 if ":" in address else IPV4, address, at, how, sent, after)


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
    "one of two addresses, after a run that went on after another failure": (
        "RC-ERRORFINAL",
        facts(
            replace(DUAL, seconds=0.1, tried=(tried(AAAA, How.UNREACHABLE),)),
            requirement="DNS-003",
            runs=(
                replace(DUAL, works=True, seconds=3.1, tried=(tried(AAAA, How.IGNORED), tried(A, How.ANSWERED, 3.0))),
                replace(DUAL, seconds=0.1, tried=(tried(AAAA, How.UNREACHABLE),)),
            ),
        ),
    ),
    "no attempt on an IPv4-only host": (
        "RC-FIRSTADDR",
        facts(DUAL, "connect: Network is unreachable", "CONNECT-007", NO_IPV6),
    ),
    "one form of an address is refused": (
        "RC-ADDRTEXT",
        facts(
            Run(AAAA.upper(), works=False),
            f"{AAAA.upper()} is not a valid address",
            "ADDR-001",
            runs=(Run(AAAA, works=True), Run(AAAA.upper(), works=False)),
        ),
    ),
    "a prefix length is ignored": (
        "RC-ADDRTEXT",
        facts(LITERAL, "", "ADDR-002", runs=(Run(AAAA, works=True), Run(f"{AAAA}/64", works=True))),
    ),
    "localhost is 127.0.0.1 only": (
        "RC-RESOLVER",
        facts(Run("localhost", works=False), "", "DNS-011", ipv4=saw(IPV4, How.ANSWERED), ipv6=saw(IPV6, How.REFUSED)),
    ),
    "localhost is ::1 only": (
        "RC-FIRSTADDR",
        facts(Run("localhost", works=False), "", "DNS-011", ipv4=saw(IPV4, How.REFUSED), ipv6=saw(IPV6, How.ANSWERED)),
    ),
    "IPv4 first, although IPv6 works": (
        "RC-RESOLVERORDER",
        facts(replace(DUAL, works=True, tried=(tried(A, How.ANSWERED),)), "", "CONNECT-009"),
    ),
    "AAAA is never asked for, and A works": (
        "RC-RESOLVER",
        facts(replace(DUAL, works=True, asked=("A",), known=(A,), tried=(tried(A, How.ANSWERED),)), "", "DNS-001"),
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
    "a truncated answer is not repeated over TCP": (
        "RC-RESOLVER",
        facts(replace(DUAL, known=(), truncated=True), "cannot resolve", "DNS-012"),
    ),
    "no query for a name server with an IPv6 address": (
        "RC-RESOLVER",
        facts(replace(DUAL, asked=(), known=()), "no name server", "DNS-017"),
    ),
    "the first attempt is late, and HTTPS is not answered": (
        "RC-RESOLVER",
        facts(replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED, at=2.1),)), requirement="DNS-015"),
    ),
    "loopback is the only address that is tried": (
        "RC-FIRSTADDR",
        facts(replace(DUAL, known=("::1", A)), "connect: Connection refused", "DNS-016"),
    ),
    "one address of each family": (
        "RC-RESOLVERORDER",
        facts(replace(DUAL, known=(A, A2, AAAA, AAAA2), tried=(tried(AAAA), tried(A, at=0.1)))),
    ),
    "four seconds between addresses": (
        "RC-NOHE",
        facts(replace(DUAL, works=True, seconds=4.1, tried=(tried(AAAA), tried(A, How.ANSWERED, 4.0)))),
    ),
    "one address was tried, which does not answer; where it refuses, no other one is tried either": (
        "RC-FIRSTADDR",
        facts(
            DUAL,
            requirement="DNS-002",
            runs=(
                replace(DUAL, seconds=4.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),)),
                replace(DUAL, seconds=0.1, tried=(tried(AAAA),)),
            ),
        ),
    ),
    "one address was tried, which does not answer; where it refuses, the next one is tried": (
        "RC-NOHE",
        facts(
            DUAL,
            requirement="DNS-002",
            runs=(
                replace(DUAL, seconds=4.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),)),
                replace(DUAL, works=True, seconds=0.1, tried=(tried(AAAA), tried(A, How.ANSWERED, 0.01))),
            ),
        ),
    ),
    "three addresses of one family before the run was stopped": (
        "RC-FAMILYORDER",
        facts(
            replace(
                DUAL,
                seconds=3.2,
                timed_out=True,
                known=(AAAA, AAAA2, AAAA3, A),
                tried=(tried(AAAA, How.IGNORED), tried(AAAA2, How.IGNORED, 1.5), tried(AAAA3, How.IGNORED, 3.0)),
            ),
            requirement="DNS-009",
        ),
    ),
    "every address of one family, and none of the other one": (
        "RC-ONEFAMILY",
        facts(
            replace(DUAL, seconds=1.0, known=(A, A2, AAAA), tried=(tried(A), tried(A2, at=0.01))),
            requirement="CONNECT-006",
            runs=(replace(DUAL, seconds=1.0, known=(A, A2, AAAA), tried=(tried(A), tried(A2, at=0.01))),),
        ),
    ),
    "the only address of one family, after a run that went on after such a failure": (
        "RC-ONEFAMILY",
        facts(
            DUAL,
            requirement="CONNECT-006",
            runs=(
                replace(DUAL, works=True, known=(A, A2, AAAA), tried=(tried(A), tried(A2, How.ANSWERED, 0.01))),
                replace(DUAL, seconds=0.1, tried=(tried(A),)),
            ),
        ),
    ),
    "four addresses of one family one after the other, and then nothing": (
        "RC-ONEFAMILY",
        facts(
            DUAL,
            requirement="DNS-009",
            runs=(
                replace(
                    DUAL,
                    seconds=9.0,
                    timed_out=True,
                    known=(AAAA, AAAA2, AAAA3, A),
                    tried=tuple(tried(item, How.IGNORED, at / 4) for at, item in enumerate((AAAA, AAAA2, AAAA3))),
                ),
            ),
        ),
    ),
    "EINVAL towards an IPv6 literal": ("RC-SOCKADDR", facts(LITERAL, "connect: Invalid argument", "CONNECT-001")),
    "EINVAL towards a name that has IPv6 alone": (
        "RC-SOCKADDR",
        facts(replace(DUAL, known=(AAAA,)), "sendto: Invalid argument", "CONNECT-003"),
    ),
    "EINVAL of an unknown call towards an IPv6 literal": (
        "RC-WRONGFAMILYSOURCE",
        facts(LITERAL, "Invalid argument (os error 22)", "CONNECT-001"),
    ),
    "EINVAL towards a link-local literal": (
        "RC-WRONGFAMILYSOURCE",
        facts(Run("fe80::1", works=False), "connect: Invalid argument", "CONNECT-001"),
    ),
    "EAFNOSUPPORT towards an IPv6 literal": (
        "RC-WRONGFAMILYSOURCE",
        facts(LITERAL, "connect: Address family not supported by protocol", "CONNECT-001"),
    ),
    "a local address of one family, in asyncio": (
        "RC-WRONGFAMILYSOURCE",
        facts(
            replace(DUAL, tried=(tried(A),)),
            "OSError: no matching local address with family=<AddressFamily.AF_INET6: 10> found",
        ),
    ),
    "still waiting for a dead address": (
        "RC-NOHE",
        facts(
            replace(DUAL, seconds=10.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),), known=(A, AAAA)),
            requirement="DNS-002",
        ),
    ),
    "every address was tried, and none answered": (
        "RC-NOTIMEOUT",
        facts(
            replace(DUAL, seconds=10.0, timed_out=True, tried=(tried(AAAA, How.IGNORED), tried(A, How.IGNORED, 0.25))),
            requirement="CONNECT-012",
        ),
    ),
    "one address was tried, and it did not answer in all the time": (
        "RC-NOTIMEOUT",
        facts(
            replace(DUAL, seconds=10.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),)), requirement="CONNECT-012"
        ),
    ),
    "the next address was tried after 8 s, and nothing limits both": (
        "RC-LIMITEACH",
        facts(
            replace(DUAL, seconds=10.0, timed_out=True, tried=(tried(AAAA, How.IGNORED), tried(A, How.IGNORED, 8.0))),
            requirement="CONNECT-012",
        ),
    ),
    "a connection that was established late is not used": (
        "RC-IMPATIENT",
        facts(
            replace(DUAL, seconds=0.5, tried=(tried(AAAA, How.ANSWERED, after=0.4), tried(A, at=0.25))),
            requirement="CONNECT-014",
        ),
    ),
    "the request on both": (
        "RC-RACEALL",
        facts(replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED, 0.0, 6), tried(A, How.ANSWERED, 0.001, 6)))),
    ),
    "all addresses at once": (
        "RC-BURST",
        facts(
            replace(DUAL, works=True, tried=(tried(AAAA, How.IGNORED), tried(A, How.ANSWERED, 0.009))),
            requirement="DNS-004",
        ),
    ),
    "one family before the other": (
        "RC-FAMILYORDER",
        facts(
            replace(
                DUAL,
                works=True,
                known=(A, AAAA, AAAA2),
                tried=(
                    *(tried(address, How.IGNORED, at / 4) for at, address in enumerate((AAAA, AAAA2, AAAA3))),
                    tried(A, How.ANSWERED, 0.75),
                ),
            ),
            requirement="DNS-009",
        ),
    ),
    "a connection that lost stays open": (
        "RC-RACEALL",
        facts(
            replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED), tried(A, How.ANSWERED, 0.25, 6))),
            requirement="DNS-005",
        ),
    ),
    "an IPv6 socket for IPv4": (
        "RC-WRONGFAMILYSOURCE",
        facts(DUAL, "[Errno -9] Address family for hostname not supported"),
    ),
    "a literal is looked up in the other family": (
        "RC-RESOLVER",
        facts(LITERAL, "Host not found --> Address family for hostname not supported", "CONNECT-001"),
    ),
    "EINPROGRESS is an error": ("RC-INPROGRESS", facts(LITERAL, "connect: Operation now in progress", "CONNECT-001")),
    "a new connection is left at once for the next address": (
        "RC-INPROGRESS",
        facts(replace(DUAL, tried=(tried(AAAA, How.ANSWERED), tried(A, How.REFUSED, 0.001))), "Connection refused"),
    ),
    "EINVAL towards the only family": (
        "RC-WRONGFAMILYSOURCE",
        facts(Run(A, works=False), "connect: Invalid argument", "CONNECT-002", NO_IPV6),
    ),
    "nothing is sent over UDP, and success reported": (
        "RC-WRONGFAMILYSOURCE",
        facts(replace(LITERAL, reports_success=True), "", "CONNECT-001", transport="udp"),
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
    "a literal is not accepted": ("RC-RESOLVER", facts(LITERAL, "telnet: Unknown host", "CONNECT-001")),
    "a literal is not accepted, in C": (
        "RC-RESOLVER",
        facts(LITERAL, "12:02:01 getaddrinfo: Name or service not known", "CONNECT-001"),
    ),
    "an IPv4 literal is not accepted": (
        "RC-RESOLVER",
        facts(replace(LITERAL, target=A), f"cannot resolve {A}", "CONNECT-002"),
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
        "RC-BRACKETSKEPT",
        facts(LITERAL, f"lookup [{AAAA}]: no such host", "CONNECT-001"),
    ),
    "an IPv6 address is asked for at the proxy": (
        "RC-PROXYENV",
        facts(
            LITERAL,
            "fetch failed: connect ECONNREFUSED 127.0.0.1:3128",
            "CONNECT-001",
            proxies=(("127.0.0.1", 3128),),
        ),
    ),
    "a proxy that has a name": (
        "RC-PROXYENV",
        facts(
            LITERAL,
            "connect to proxy.test port 8080: Connection timed out",
            "CONNECT-001",
            proxies=(("proxy.test", 8080),),
        ),
    ),
    "an address that is none is no error": (
        "RC-ERRORIGNORED",
        facts(LITERAL, "", "ADDR-002", runs=(Run("198.51.100.289", works=False, reports_success=True),)),
    ),
    "a fifth number is ignored": (
        "RC-ADDRTEXT",
        facts(
            LITERAL,
            "",
            "ADDR-002",
            runs=(Run(f"{A}.1", works=True, reports_success=True, tried=(tried(A, How.ANSWERED),)),),
        ),
    ),
    "half of the target": (
        "RC-SOCKADDR",
        facts(LITERAL, "connect: No route to host", "CONNECT-001", strangers=("2001:db8:51:1::",)),
    ),
    "a daemon that dials an old address": (
        "RC-DNSCACHE",
        facts(
            replace(DUAL, tried=(tried(A, How.ANSWERED),)),
            requirement="DNS-010",
            broken=(Finding(False, "it looks the name up again", "0 queries", symptoms=(Symptom.KEPT_ADDRESS,)),),
        ),
    ),
    "a daemon that tries again at once": (
        "RC-NOPAUSE",
        facts(DUAL, requirement="CONNECT-018", broken=(Finding(False, "at most 20 a second", "it made 900"),)),
    ),
    "a daemon that does nothing more": (
        "RC-NORETRY",
        facts(
            replace(DUAL, tried=()),
            requirement="DNS-010",
            broken=(Finding(False, "it looks the name up again", "0 queries", symptoms=(Symptom.NO_RETRY,)),),
        ),
    ),
    "a daemon that leaves out a family that has failed": (
        "RC-NORETRY",
        facts(
            replace(DUAL, tried=tuple(tried(item, How.ANSWERED, sent=6) for item in (A, AAAA, A))),
            requirement="DNS-010",
            broken=(Finding(False, "IPv6 is used again", "none over IPv6", symptoms=(Symptom.FAMILY_GIVEN_UP,)),),
        ),
    ),
    "a client that keeps refused sockets": (
        "RC-LEAK",
        facts(
            replace(DUAL, works=True, tried=(tried(AAAA), tried(A, How.ANSWERED))),
            requirement="CONNECT-013",
            broken=(Finding(False, "no failed socket is open", "4 are", symptoms=(Symptom.GROWTH,)),),
        ),
    ),
    "a daemon that asks for the family that it had before": (
        "RC-RESOLVER",
        facts(
            replace(DUAL, works=False, tried=(tried(A, How.ANSWERED, sent=6),)),
            "lookup: No address associated with hostname",
            "DNS-010",
            broken=(Finding(False, "it looks the name up again", "never for AAAA", symptoms=(Symptom.KEPT_FAMILY,)),),
        ),
    ),
    "an attempt that lost stays open": (
        "RC-LEAK",
        facts(
            replace(
                DUAL,
                works=True,
                tried=(tried(AAAA, How.ANSWERED, after=0.6), tried(A, How.ANSWERED, 0.25, sent=6)),
            ),
            requirement="DNS-005",
            broken=(Finding(False, "it is closed", "it stayed open", symptoms=(Symptom.GROWTH,)),),
        ),
    ),
    "the local address of another family": (
        "RC-WRONGFAMILYSOURCE",
        facts(replace(DUAL, tried=(tried(A),)), "bind: Invalid argument", "CONNECT-008", NO_IPV4),
    ),
    "a socket that is bound to the other family does not prefer IPv4": (
        "RC-WRONGFAMILYSOURCE",
        facts(replace(DUAL, works=True, tried=(tried(A, How.ANSWERED),)), "bind: Invalid argument", "CONNECT-009"),
    ),
    "the first attempt is late, and AAAA is not answered": (
        "RC-RESOLVER",
        facts(
            DUAL,
            requirement="DNS-007",
            runs=(replace(DUAL, works=True, tried=(tried(A, How.ANSWERED, at=9.0),)),),
        ),
    ),
    "an alias of an alias": ("RC-RESOLVER", facts(replace(DUAL, known=(A, AAAA)), "no records", "DNS-013")),
    "brackets in percent-encoding": (
        "RC-HOSTHEADER",
        facts(
            LITERAL,
            requirement="CONNECT-017",
            broken=(Finding(False, "it is right", "%5B", symptoms=(Symptom.ENCODED_BRACKETS,)),),
        ),
    ),
    "a refused socket that was written to": (
        "RC-SOERROR",
        facts(replace(DUAL, tried=(tried(AAAA),)), f"cannot write to {AAAA}: [Errno 111] Connection refused"),
    ),
    "a literal that was cut at its first colon": (
        "RC-SPLIT",
        facts(
            LITERAL,
            f"line 4: /dev/tcp/2001/{AAAA.partition(':')[2]}]:9000: Invalid argument",
            "CONNECT-001",
        ),
    ),
    "no output line names the addresses, and the next one came late": (
        "RC-NAMELESSERROR",
        facts(
            replace(DUAL, seconds=4.0, tried=(tried(AAAA, How.IGNORED), tried(A, How.IGNORED, 3.0))),
            requirement="CONNECT-012",
            broken=(Finding(False, "named", "it does not name them", symptoms=(Symptom.UNNAMED_ADDRESS,)),),
        ),
    ),
    "an IPv4-mapped address on a socket that takes IPv6 only": (
        "RC-MAPPEDTARGET",
        facts(replace(DUAL, tried=(tried(AAAA),)), f"{AAAA}: Connection refused\n::ffff:{A}: Network is unreachable"),
    ),
    "an IPv4-mapped target": (
        "RC-MAPPEDTARGET",
        facts(Run(f"::ffff:{A}", works=False, seconds=8.0), "no answer", "INTEROP-003"),
    ),
    "a synthesized address is not tried": (
        "RC-PREF64",
        facts(replace(DUAL, known=(AAAA,)), "", "TRANS-001", NO_IPV4, runs=(replace(DUAL, known=(AAAA,)),)),
    ),
    "behind NAT64 it asks for A only": (
        "RC-RESOLVER",
        facts(replace(DUAL, asked=("A",), known=(A,)), "", "TRANS-001", NO_IPV4),
    ),
    "an IPv4 literal on an IPv6-only host is awaited": (
        "RC-PREF64",
        facts(Run(A, works=False, timed_out=True, seconds=10.0), "", "TRANS-003", NO_IPV4),
    ),
    "an IPv4 literal behind a CLAT is not tried": (
        "RC-CLATADDRESS",
        facts(Run(A, works=False), f"cannot connect to {A}: no IPv4 address", "TRANS-004"),
    ),
    "behind a CLAT it asks no name server": (
        "RC-RESOLVER",
        facts(Run(NAME, works=False), "", "TRANS-004"),
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
    "RC-FIRSTADDR, it tries the next one after a refusal": (
        "RC-FIRSTADDR",
        facts(
            DUAL,
            runs=(
                replace(DUAL, seconds=4.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),)),
                replace(DUAL, works=True, tried=(tried(AAAA), tried(A, How.ANSWERED, 0.01))),
            ),
        ),
    ),
    "RC-NOHE, it tries no other one after a refusal": (
        "RC-NOHE",
        facts(
            DUAL,
            runs=(
                replace(DUAL, seconds=4.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),)),
                replace(DUAL, seconds=0.1, tried=(tried(AAAA),)),
            ),
        ),
    ),
    "RC-FIRSTADDR, the next one failed without a packet": (
        "RC-FIRSTADDR",
        facts(replace(DUAL, tried=(tried(AAAA),)), f"{AAAA}: Connection refused\n{A}: Network is unreachable"),
    ),
    "RC-RACEALL, the attempt that lost carried nothing": (
        "RC-RACEALL",
        facts(
            DUAL,
            requirement="DNS-005",
            broken=(Finding(False, "it is closed", "it stayed open", symptoms=(Symptom.GROWTH,)),),
        ),
    ),
    "RC-BRACKET, the brackets are there": (
        "RC-BRACKET",
        facts(
            LITERAL,
            requirement="CONNECT-017",
            broken=(Finding(False, "it is right", "%5B", symptoms=(Symptom.ENCODED_BRACKETS,)),),
        ),
    ),
    "RC-FIRSTADDR, it knew one": (
        "RC-FIRSTADDR",
        facts(replace(DUAL, asked=("A",), known=(A,), tried=(tried(A),))),
    ),
    "RC-NOHE, nothing took long": ("RC-NOHE", facts(replace(DUAL, seconds=0.1, tried=(tried(AAAA),)))),
    "RC-WRONGFAMILYSOURCE, the literal was cut": (
        "RC-WRONGFAMILYSOURCE",
        facts(LITERAL, f"line 4: /dev/tcp/2001/{AAAA.partition(':')[2]}]:9000: Invalid argument", "CONNECT-001"),
    ),
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


@pytest.mark.parametrize(
    ("run", "output", "host"),
    [
        (LITERAL, f"[{AAAA}]: Name or service not known", None),
        (LITERAL, f"{AAAA}:9000: Name or service not known", None),
        (LITERAL, "unknown host 2001", None),
        (LITERAL, "getaddrinfo: Servname not supported for ai_socktype", None),
        (LITERAL, "unknown host", NO_IPV6),
        (replace(LITERAL, names=("2001",)), "unknown host", None),
        (replace(LITERAL, tried=(tried(AAAA),)), "unknown host", None),
    ],
)
def test_a_text_that_is_no_literal_is_rightly_refused(run: Run, output: str, host: Host | None) -> None:
    """RC-RESOLVER is not named if what was looked up, or was not found, may be another text than the literal."""
    found = facts(run, output, "CONNECT-001", host)
    assert "RC-RESOLVER" not in [item.code for item in likely(requirements()["CONNECT-001"].causes, found)]


def test_a_bare_literal_that_is_not_found_has_two_causes() -> None:
    """It is taken for a name, or the function that takes it supports IPv4 only: no query shows which."""
    found = likely(requirements()["CONNECT-001"].causes, facts(LITERAL, f"unknown host {AAAA}", "CONNECT-001"))
    assert [item.code for item in found] == ["RC-INETATON", "RC-RESOLVER"]


def test_a_refusal_that_is_right_is_no_evidence() -> None:
    """It accepts a wrong certificate over IPv6; that it rejected one over IPv4 does not show that."""
    accepted = Finding(False, f"at [{AAAA}]:9000 it refuses a certificate that is for {A}", "it accepted it")
    accepted = replace(accepted, symptoms=(Symptom.OTHER_CERTIFICATE,))
    rejected = f"IP address mismatch, certificate is not valid for '{A}'"
    found = facts(LITERAL, rejected, "CONNECT-015", broken=(accepted,))
    (likeliest, *_) = likely([], found)
    assert likeliest.code == "RC-SNI"
    assert likeliest.because == f"expected: {accepted.expected}; happened: it accepted it"


def test_a_race_of_attempts_is_no_race_of_requests() -> None:
    """A client that connects to every address at once and sends its request on one follows RFC 8305."""
    run = replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED, 0.0, 6), tried(A, How.ANSWERED, 0.001)))
    assert "RC-RACEALL" not in [item.code for item in likely(("RC-FIRSTADDR",), facts(run))]


def test_a_server_that_moves_makes_no_race_of_requests() -> None:
    """A daemon that follows its server sends its request to each of its addresses, one after the other."""
    run = replace(DUAL, tried=tuple(tried(item, How.ANSWERED, sent=6) for item in (A, AAAA)))
    assert "RC-RACEALL" not in [item.code for item in likely((), facts(run, requirement="DNS-010"))]


def test_an_attempt_within_two_seconds_is_no_stall() -> None:
    """RC-NOHE is not supported by a delay that DNS-002 allows."""
    run = replace(DUAL, works=True, seconds=1.6, tried=(tried(AAAA, How.IGNORED), tried(A, How.ANSWERED, 1.5)))
    assert "RC-NOHE" not in [item.code for item in likely(("RC-NOHE",), facts(run, requirement="DNS-009"))]


def test_a_run_that_was_stopped_has_not_skipped_addresses() -> None:
    """What a connector did not try before it was stopped says nothing about its order of addresses."""
    run = replace(
        DUAL,
        timed_out=True,
        known=(AAAA, AAAA2, AAAA3, A),
        tried=(tried(AAAA, How.IGNORED), tried(AAAA2, How.IGNORED, 1.5)),
    )
    assert "RC-RESOLVERORDER" not in [item.code for item in likely(("RC-NOHE",), facts(run, requirement="DNS-009"))]
    ended = replace(run, timed_out=False)
    assert "RC-RESOLVERORDER" in [item.code for item in likely(("RC-NOHE",), facts(ended, requirement="DNS-009"))]


@pytest.mark.parametrize(
    ("requirement", "code", "made"),
    [
        ("CONNECT-006", "RC-RESOLVERORDER", (tried(AAAA), tried(A, How.ANSWERED, 0.1, 9))),
        ("CONNECT-006", "RC-RESOLVERORDER", (tried(AAAA), tried(A, How.ANSWERED, 0.1))),
        (
            "CONNECT-014",
            "RC-IMPATIENT",
            (replace(tried(AAAA, How.ANSWERED, 0.0, after=0.4), kept=True), tried(A, How.ANSWERED, 0.2, after=0.4)),
        ),
    ],
)
def test_who_reached_an_address_has_not_failed_to_try_one(requirement: str, code: str, made: tuple[Tried, ...]) -> None:
    """A client that has a connection, and fails later, neither skips addresses nor gives attempts up too early."""
    run = replace(DUAL, known=(AAAA, A, A2), tried=made)
    assert code not in [item.code for item in likely((code,), facts(run, requirement=requirement))]


def test_whose_ipv4_address_fails_assumes_no_prefix() -> None:
    """A client that reports an unreachable IPv4 address, and tried no IPv6 one, stops at its first address.

    One that reports an IPv6 address that DNS did not give it, or has tried synthesized addresses of other prefixes,
    leaves out the one that it got.
    """

    def first(output: str, *others: Run) -> str:
        found = facts(DUAL, output, "TRANS-001", NO_IPV4, runs=(*others, DUAL))
        return likely(("RC-PREF64",), found)[0].code

    ipv4 = f"2026/12/01 01:56:54 connect(5, AF=2 {A}:7, 16): Network is unreachable"
    assert first(ipv4) == "RC-FIRSTADDR"
    assert first("connect: Network is unreachable") == "RC-FIRSTADDR"
    assert first("cannot connect: 64:ff9b::c612:121: [Errno 101] Network is unreachable") == "RC-PREF64"
    assert first(ipv4, replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED, sent=6),))) == "RC-PREF64"


@pytest.mark.parametrize(("seconds", "named"), [(0.01, True), (2.0, False)])
def test_a_time_limit_of_connect_is_no_misread_attempt(seconds: float, *, named: bool) -> None:
    """EINPROGRESS after two seconds is SO_SNDTIMEO of a blocking socket; at once it is an attempt that goes on."""
    made = (tried(AAAA, How.IGNORED), tried(A, How.IGNORED, seconds))
    run = replace(DUAL, seconds=2 * seconds, tried=made)
    found = facts(run, "connect: Operation now in progress", "CONNECT-012")
    assert ("RC-INPROGRESS" in [item.code for item in likely((), found)]) is named


def test_a_dead_address_alone_makes_no_cause_certain() -> None:
    """Of a client that waits for its first address the two causes have the same weight until another run decides."""
    run = replace(DUAL, seconds=4.0, timed_out=True, tried=(tried(AAAA, How.IGNORED),))
    found = likely(("RC-NOHE", "RC-FIRSTADDR"), facts(run, requirement="DNS-002"))
    assert [item.weight for item in found] == [FITS, FITS]


def test_a_name_with_one_address_has_no_next_one() -> None:
    """A client that fails at the only address of a name has left no other one."""
    found = facts(replace(DUAL, known=(A,)), f"{A}: Network is unreachable", "CONNECT-004", NO_IPV6)
    assert "RC-FIRSTADDR" not in [item.code for item in likely(("RC-FIRSTADDR",), found)]


@pytest.mark.parametrize(
    "output", [f"{AAAA}: Connection refused", "already failed: Connection refused", "cannot write the log: disk full"]
)
def test_an_error_of_connect_is_not_one_of_a_write(output: str) -> None:
    """RC-SOERROR needs a line that says that writing or reading on the socket failed."""
    found = facts(replace(DUAL, tried=(tried(AAAA),)), output)
    assert "RC-SOERROR" not in [item.code for item in likely(("RC-FIRSTADDR",), found)]


def test_the_result_of_an_attempt_is_in_words() -> None:
    """The evidence says of an attempt that was not answered that it got no answer."""
    found = facts(replace(DUAL, tried=(tried(AAAA, How.IGNORED),)))
    assert likely(("RC-FIRSTADDR",), found)[0].because == f"it tried {AAAA} (no answer), and not {A}"


def test_an_output_line_is_quoted_once() -> None:
    """If the loopback address refused, the sentence about that quotes the line already."""
    line = "cannot write to ::1: Connection refused"
    found = facts(replace(DUAL, known=("::1", A)), line, "DNS-016")
    first = likely(("RC-FIRSTADDR",), found)[0]
    assert (first.code, first.because.count(line)) == ("RC-SOERROR", 1)


def test_a_resolver_of_the_system_is_not_blamed() -> None:
    """A client that waits 3 s for the system's resolver, and then has no time left, has no broken name resolution."""
    waited = replace(DUAL, works=True, tried=(tried(A, How.ANSWERED, at=3.2),))
    found = facts(DUAL, requirement="DNS-007", runs=(waited, replace(DUAL, seconds=8.0)))
    assert "RC-RESOLVER" not in [item.code for item in likely(("RC-RESOLVER",), found)]


def test_an_attempt_that_was_answered_late_was_not_answered_before() -> None:
    """If the next attempt comes 1.5 s after one that is answered after 2.2 s, it does not come too late."""
    run = replace(DUAL, works=True, tried=(tried(AAAA, How.ANSWERED, after=2.2), tried(A, How.ANSWERED, 1.5, 6)))
    assert "RC-NOHE" not in [item.code for item in likely(("RC-NOHE",), facts(run, requirement="DNS-005"))]


@pytest.mark.parametrize("output", ["connect: Invalid argument", "connect: Operation now in progress", ""])
@pytest.mark.parametrize("requirement", ["DNS-008", "DNS-013", "TRANS-001"])
def test_who_has_dialled_had_an_address(requirement: str, output: str) -> None:
    """Name resolution, and the prefix of NAT64, are not blamed where connect() failed or success was reported."""
    run = replace(DUAL, reports_success=not output)
    blamed = {"RC-RESOLVER", "RC-PREF64"}
    assert blamed & {item.code for item in likely([], facts(DUAL, "", requirement))}
    assert not blamed & {item.code for item in likely([], facts(run, output, requirement))}
