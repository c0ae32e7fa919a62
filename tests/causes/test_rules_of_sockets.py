"""Which causes the facts of a listener's sockets and starts support."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, FamilyFacts, Host, How, Start
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import SocketRow
from dualstack.suites import requirements
from tests.causes.made import (
    DIED,
    DUAL,
    IN_USE,
    IPV4,
    IPV6,
    NO_AF_INET6,
    NO_IPV4,
    NO_IPV6,
    OK,
    ONLY,
    REFUSED,
    STARTED,
    ZERO,
    facts,
    first,
    held,
    row,
    saw,
)

CASES = {
    "an IPv4 socket alone": ("RC-V4SOCK", facts(OK, REFUSED, ZERO)),
    "an IPv4 socket alone, on an IPv6-only host": ("RC-V4SOCK", facts(OK, REFUSED, ZERO, host=NO_IPV4)),
    "an IPv4 address": ("RC-LITERAL", facts(OK, REFUSED, row("198.51.100.1"))),
    "::1 alone, for clients on its own host": ("RC-FIRSTLOCAL", facts(REFUSED, OK, row("::1"), inside=True)),
    "127.0.0.1 alone, for clients on its own host": ("RC-LITERAL", facts(OK, REFUSED, row("127.0.0.1"), inside=True)),
    "IPV6_V6ONLY by default": (
        "RC-V6ONLY",
        facts(REFUSED, OK, ONLY, host=Host(v6only=True), requirement="LISTEN-005"),
    ),
    "IPv6 on another port, and several listeners": (
        "RC-V4SOCK",
        facts(OK, REFUSED, ZERO, row("::", 8081, v6only=True), declared=frozenset({8080, 8443})),
    ),
    "IPv6 on another port, and the same port is required": (
        "RC-TWOPORTS",
        facts(
            OK,
            REFUSED,
            ZERO,
            row("::", 8081, v6only=True),
            declared=frozenset({8080, 8443}),
            requirement="LISTEN-006",
        ),
    ),
    "IPv6 on another port": ("RC-TWOPORTS", facts(OK, REFUSED, ZERO, row("::", 8081, v6only=True))),
    "a bind error although the port is free": (
        "RC-DOUBLEBIND",
        facts(OK, REFUSED, ZERO, output=f"listen [::]:8080: {IN_USE}", starts=(STARTED,)),
    ),
    "the first start fails, and the output names the IPv6 wildcard": (
        "RC-DOUBLEBIND",
        facts(requirement="START-001", output=f"::: {IN_USE}", starts=(DIED,)),
    ),
    "the first start fails, beside a socket on a wildcard": (
        "RC-DOUBLEBIND",
        facts(OK, OK, ZERO, requirement="START-001", output=IN_USE, starts=(DIED,)),
    ),
    "half of a pair": (
        "RC-DOUBLEBIND",
        facts(OK, REFUSED, ZERO, requirement="LISTEN-008", starts=(Start(bind="0.0.0.0,::", ready=True),)),
    ),
    "the other half of a pair": (
        "RC-V6ONLY",
        facts(REFUSED, OK, ONLY, requirement="LISTEN-008", starts=(Start(bind="::,0.0.0.0", ready=True),)),
    ),
    "two sockets for IPv4": ("RC-REUSEPORT", facts(OK, OK, ZERO, DUAL, requirement="LISTEN-008")),
    "the port is taken, and it ends silently": (
        "RC-BINDSILENT",
        facts(
            OK,
            OK,
            requirement="LISTEN-009",
            foreign=True,
            starts=(replace(STARTED, ended="exited with code 1"),),
            broken=(Finding(False, "it reports the error", "it does not", symptoms=(Symptom.ENDS_UNREPORTED,)),),
        ),
    ),
    "the port is taken, and it runs on": (
        "RC-BINDSWALLOWED",
        facts(OK, OK, ZERO, row("::", 8081, v6only=True), requirement="LISTEN-009", foreign=True, starts=(STARTED,)),
    ),
    "IPv6 comes later": (
        "RC-EARLYREADY",
        facts(OK, FamilyFacts(IPV6, works=False, hows=((REFUSED, 3),), late=True), ZERO),
    ),
    "refused at first": (
        "RC-EARLYREADY",
        facts(OK, REFUSED, ZERO, ONLY, exchanges=(held(IPV6, REFUSED), held(IPV6, OK))),
    ),
    "no IPv6 sockets": (
        "RC-NOINET6",
        facts(host=NO_AF_INET6, requirement="LISTEN-004", starts=(DIED,), output="socket: EAFNOSUPPORT"),
    ),
    "no IPv6 sockets, and no word": (
        "RC-NOINET6",
        facts(host=NO_AF_INET6, requirement="LISTEN-004", starts=(DIED,)),
    ),
    "no ::1": (
        "RC-LOOPBACK",
        facts(host=NO_IPV6, requirement="LISTEN-003", starts=(DIED,), output="bind: Cannot assign requested address"),
    ),
    "a registry at 127.0.0.1": (
        "RC-LOOPBACK",
        facts(
            host=NO_IPV4,
            requirement="LISTEN-002",
            starts=(DIED,),
            output="Protocol 'inet_tcp': register/listen error: enetunreach",
        ),
    ),
    "it asks the route to 8.8.8.8 for its own address": (
        "RC-LITERAL",
        facts(
            host=Host(families=frozenset({IPV6})),
            requirement="TRANS-005",
            starts=(DIED,),
            output="OSError: [Errno 101] Network is unreachable",
        ),
    ),
    "its back end at 127.0.0.1, after it was ready": (
        "RC-LOOPBACK",
        facts(
            FamilyFacts(IPV4),
            saw(IPV6, How.RESET),
            ZERO,
            host=NO_IPV4,
            requirement="LISTEN-002",
            starts=(replace(STARTED, ended="exited with code 1"),),
            output="Error: listen EADDRNOTAVAIL: address not available 127.0.0.1:3001",
        ),
    ),
    "an unreachable IPv4 address at the start": (
        "RC-LITERAL",
        facts(
            host=replace(NO_IPV4, loopbacks=frozenset({IPV4, IPV6})),
            requirement="LISTEN-002",
            starts=(DIED,),
            output="connect 192.0.2.9: Network is unreachable",
        ),
    ),
    "joined without brackets at the start": (
        "RC-BRACKET",
        facts(
            starts=(DIED,),
            output="register: address 2001:db8::1:8080: too many colons in address",
            broken=(Finding(False, "it starts", "it did not"),),
        ),
    ),
    "wider than asked": (
        "RC-EXPOSE",
        facts(OK, OK, DUAL, requirement="LISTEN-010", starts=(Start(bind="2001:db8:51:1::102", ready=True),)),
    ),
    "IPv4 claimed, IPv6 open": (
        "RC-EXPOSE",
        facts(OK, OK, DUAL, requirement="SEC-004", claimed=frozenset({IPV4})),
    ),
    "another address instead of the one IPv6 address": (
        "RC-EXPOSE",
        facts(
            OK,
            FamilyFacts(IPV6),
            ZERO,
            requirement="LISTEN-003",
            host=NO_IPV6,
            broken=(
                Finding(
                    False,
                    "with IPv6 alone as listen address, the service listens there or not at all",
                    "it listens on 0.0.0.0 (IPv4) instead",
                    symptoms=(Symptom.LISTENS_ELSEWHERE,),
                ),
            ),
        ),
    ),
    "a loopback service on every address": (
        "RC-EXPOSE",
        facts(OK, OK, ZERO, requirement="SEC-002", inside=True),
    ),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES)
def test_facts_name_their_cause(code: str, found: Facts) -> None:
    """The first cause is the one that the facts support, and it is not contradicted."""
    assert first(found) == code
    item = requirements().get(found.requirement)
    (likeliest, *_) = likely(item.causes if item else (), found)
    assert likeliest.weight
    assert not contradiction(code, found)


@pytest.mark.parametrize("output", [IN_USE, "no licence file"])
def test_a_first_start_that_shows_no_pair_has_no_cause(output: str) -> None:
    """If nothing shows that a service opens a socket for each family, its output alone explains why it does not start.

    The same holds if its output names another reason.
    """
    sockets = (ZERO,) if output != IN_USE else ()
    assert first(facts(OK, REFUSED, *sockets, requirement="START-001", output=output, starts=(DIED,))) == ""


@pytest.mark.parametrize(
    ("default", "said"), [(True, "as is the default of this host"), (False, "the program or a library sets it")]
)
def test_who_sets_the_option_is_said_only_where_it_shows(default: bool, said: str) -> None:  # noqa: FBT001 - a row
    """Where the host's default is off, a socket that has IPV6_V6ONLY on shows that the program or a library sets it."""
    (found, *_) = likely([], facts(REFUSED, OK, ONLY, host=Host(v6only=default)))
    assert found.code == "RC-V6ONLY"
    assert said in found.because


EACH = tuple(row(address) for address in ("127.0.0.1", "198.51.100.1", "::1", "2001:db8:51:1::101"))


@pytest.mark.parametrize(
    ("sockets", "start", "code"),
    [
        (EACH, DIED, "RC-SNAPSHOT"),
        (EACH, STARTED, "RC-SNAPSHOT"),
        ((DUAL,), DIED, ""),
        (EACH[::2], DIED, ""),
        (EACH, replace(DIED, bind="198.51.100.1,127.0.0.1"), ""),
    ],
)
def test_a_socket_for_each_address_shows_that_addresses_are_read_once(
    sockets: tuple[SocketRow, ...], start: Start, code: str
) -> None:
    """A service with a socket for each address reads them once, also if it ends where there is none.

    A wildcard, loopback alone or configured addresses do not show that.
    """
    assert first(facts(REFUSED, REFUSED, *sockets, requirement="LIFE-003", starts=(start,))) == code


def test_the_sockets_of_a_taken_port_are_named_once() -> None:
    """What a service has where its port is taken in one family: its addresses on this port, each once."""
    others = (row("::1", 8081), row("::1", 8081))
    taken = facts(OK, OK, *EACH, *EACH, *others, requirement="LISTEN-009", foreign=True, starts=(STARTED,))
    (found, *_) = likely(["RC-BINDSWALLOWED"], taken)
    assert found.because.endswith("it listens on 127.0.0.1, 198.51.100.1, ::1 and 1 more")


def test_a_missing_family_is_no_cause_where_the_host_has_it() -> None:
    """A host that has IPv6 does not lack it, whatever else the output says of a family."""
    output = "socket: Address family not supported by protocol"
    assert "RC-NOINET6" not in [item.code for item in likely(["RC-NOINET6"], facts(starts=(DIED,), output=output))]
