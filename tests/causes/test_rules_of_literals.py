"""What becomes of an address literal in a program's own texts: URLs, joined, split and quoted ones."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.facts import Facts, signs_of
from dualstack.finding import Finding, Symptom
from dualstack.suites import requirements
from tests.causes.test_rules_of_connectors import AAAA, LITERAL, facts

REST = AAAA.partition(":")[2]
NAMED = "a-none.aaaa-ok.0123abcd.lab.test:9000"
NODE_URL = "TypeError [ERR_INVALID_URL]: Invalid URL"
PERL = f"Can't connect to {AAAA}:9000 (IO::Socket::INET: Bad hostname '{AAAA}')"


def connector(output: str, *, apart: bool = False) -> Facts:
    """Return the facts of a connector that failed with an IPv6 literal."""
    return facts(LITERAL, output, "CONNECT-001", apart=apart)


def served(target: str, *symptoms: Symptom, client: str = "IPv4") -> Finding:
    """Return the finding that a relay reaches its server at this target; with symptoms, that it does not."""
    return Finding(
        not symptoms, f"an {client} client is answered by the IPv6 server at {target}", "…", symptoms=symptoms
    )


def relay(output: str, *, apart: bool = True, named: bool = True, missed: Symptom = Symptom.SERVER_MISSED) -> Facts:
    """Return the facts of a relay that misses its server by address, and reaches it by name or not."""
    items = [served(f"[{AAAA}]:9000", missed), served(NAMED, *(() if named else (missed,)))]
    return replace(
        connector(output, apart=apart),
        requirement="FORWARD-001",
        runs=(),
        broken=tuple(item for item in items if not item.ok),
        fulfilled=tuple(item for item in items if item.ok),
    )


def names(found: Facts) -> list[str]:
    """Return the causes that the facts support, the likeliest first."""
    item = requirements()[found.requirement]
    return [one.code for one in likely(item.causes, found)]


CASES = {
    "a URL of what was given apart": ("RC-BRACKET", connector(NODE_URL, apart=True)),
    "a URL of what was given together": ("RC-SPLIT", connector(NODE_URL)),
    "the port of a URL of what was given apart": (
        "RC-BRACKET",
        connector(f"ValueError: invalid literal for int() with base 10: '{REST}:9000'", apart=True),
    ),
    "a bare address that was cut": (
        "RC-SPLIT",
        connector(f"ValueError: invalid literal for int() with base 10: '{REST}'", apart=True),
    ),
    "a bracket and the first group": ("RC-SPLIT", connector("Error: Invalid domain: [2001")),
    "a bracket and some groups": ("RC-SPLIT", connector("malformed host name '[2001:db8:51'")),
    "a bracket and the first group, not found": ("RC-SPLIT", connector("getaddrinfo ENOTFOUND [2001")),
    "a host in brackets": ("RC-BRACKETSKEPT", connector(f"Error: Invalid host name: [{AAAA}]")),
    "a quoted address beside the program's own text": ("RC-INETATON", connector(PERL)),
    "a joined address that is quoted": ("RC-BRACKET", connector(f"Bad hostname '{AAAA}:9000'")),
    "the URL of a relay's server": ("RC-BRACKET", relay(NODE_URL)),
    "the URL of a relay's server, which was given together": ("RC-SPLIT", relay(NODE_URL, apart=False)),
    "a relay that joins address and port": ("RC-BRACKET", relay(f"getaddrinfo ENOTFOUND {AAAA}:9000", apart=False)),
    "a relay that keeps the brackets": ("RC-BRACKETSKEPT", relay(f"getaddrinfo ENOTFOUND [{AAAA}]", apart=False)),
    "a relay that cuts its server's address": ("RC-SPLIT", relay("getaddrinfo ENOTFOUND [2001", apart=False)),
    "a relay whose socket has another family": ("RC-WRONGFAMILYSOURCE", relay("connect: Invalid argument")),
}


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES)
def test_what_became_of_a_literal(code: str, found: Facts) -> None:
    """The output, and how the program is given its target, tell joined, cut, kept and refused texts apart."""
    assert names(found)[:1] == [code]


@pytest.mark.parametrize("missed", [Symptom.SERVER_MISSED, Symptom.TUNNEL_REFUSED])
def test_a_relay_that_reaches_its_server_by_name_has_the_right_clients_and_sockets(missed: Symptom) -> None:
    """If the same server is reached by its name, neither the client's address nor the socket's family is the reason."""
    never = {"RC-WRONGFAMILYSOURCE", "RC-MAPPED", "RC-ERRORANSWER"}
    assert not never & {*names(relay("it failed", missed=missed))}


@pytest.mark.parametrize("other", [served(NAMED, client="IPv6"), served("198.51.100.33:9000")])
def test_another_client_or_another_literal_proves_nothing(other: Finding) -> None:
    """A relay that misses its server's address is not excused by what it does for other clients, or by an address."""
    found = replace(relay("it failed"), fulfilled=(other,))
    assert names(found)[0] == "RC-WRONGFAMILYSOURCE"


def test_a_relay_that_misses_its_server_by_name_too_may_have_the_wrong_socket() -> None:
    """Nothing is excluded if the server is missed however the relay is given it."""
    assert names(relay("it failed", named=False))[0] == "RC-WRONGFAMILYSOURCE"


def test_a_quoted_address_was_not_joined() -> None:
    """What a program adds to an error text of a function says nothing about what the function was given."""
    assert "RC-BRACKET" not in names(connector(PERL))
    assert dict(signs_of(PERL))


@pytest.mark.parametrize("text", [f"http://[{AAAA}]/", f"http://user@[{AAAA}]", f"[{AAAA}]:9000"])
def test_brackets_that_belong_to_a_text_were_not_kept(text: str) -> None:
    """In a URL, and before a port, an address has brackets: a text that is refused as a whole shows nothing of them."""
    assert "RC-BRACKETSKEPT" not in names(connector(f"Invalid URL or address: {text}"))
