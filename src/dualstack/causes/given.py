"""The targets that connectors and relays were given: literals that they missed, names by which they reach the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.causes.connecting import failed
from dualstack.facts import Facts
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom

_SERVER = re.compile(
    r"^an IPv\d client is answered by the IPv\d server at "
    r"(?:\[(?P<ipv6>[^\]\s]+)\]|(?P<other>[^\[\]:\s]+)):(?P<port>\d+)"
)
"""What is required of a relay (`dualstack.world.relaying`)."""

_MISSED = {Symptom.SERVER_MISSED, Symptom.TUNNEL_REFUSED}


@dataclass(frozen=True, slots=True)
class Given:
    """An IPv6 literal with which a program does not reach its server.

    Attributes:
        target: The literal.
        port: The port of the server.
        names: The names that the program queried, each once.
        tried: The addresses that it tried, in order; those of a relay are not known.
    """

    target: str
    port: int
    names: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()


def missed_literals(facts: Facts) -> Iterator[Given]:
    """Yield the IPv6 literals with which a connector or a relay failed."""
    for run in failed(facts):
        if run.literal is Family.IPV6:
            yield Given(run.target, facts.port, run.names, tuple(item.address for item in run.tried))
    for item in facts.broken:
        found = _SERVER.match(item.expected) if _MISSED & {*item.symptoms} else None
        if found and found["ipv6"]:
            yield Given(found["ipv6"], int(found["port"]), tuple(name for name, _ in facts.asked))


def quotes(line: str, target: str) -> bool:
    """Return whether a line has a target alone in quotes, as what a function was given."""
    return any(f"{quote}{target}{quote}" in line for quote in "'\"`")


def reached_by_name(facts: Facts) -> str:
    """A relay misses its server only where it is given the server's address; given its name, it reaches the same one.

    Client and server are the same for both: the text of the address makes the difference.
    """
    missed = [item for item in facts.broken if _MISSED & {*item.symptoms}]
    by_name = {_clients_and_server(item) for item in facts.fulfilled if _is_named(item)}
    if not missed or any(_is_named(item) or _clients_and_server(item) not in by_name for item in missed):
        return ""
    found = _SERVER.match(missed[0].expected)
    literal = (found["ipv6"] or found["other"]) if found else "its address"
    return f"given the server's name it reaches it, and given {literal} it does not"


def missed_beside_other_family(facts: Facts) -> str:
    """A relay on a host with one family reaches its server by its address, and not by a name with addresses of both.

    It queried both types. Its socket and its source address fit the address: the choice among those of the name fails.
    """
    missed = [item for item in facts.broken if _MISSED & {*item.symptoms}]
    by_address = {_clients_and_server(item) for item in facts.fulfilled if not _is_named(item)}
    if not missed or len(facts.host.families) != 1 or not all(map(_is_named, missed)):
        return ""
    both = {name for name, types in facts.asked if {*types} >= {family.record for family in BOTH}}
    names = [next((name for name in both if name in item.expected), "") for item in missed]
    if not all(names) or not by_address.issuperset(map(_clients_and_server, missed)):
        return ""
    (family,) = facts.host.families
    what = f"given its server's address it reaches it, and given {names[0]} it does not"
    return f"{what}: the name has an {family.other.label} address too, and its host has no {family.other.label}"


def _is_named(item: Finding) -> bool:
    """Return whether a finding is about a server that the relay is given by its name."""
    found = _SERVER.match(item.expected)
    return found is not None and re.search("[a-z]", found["other"] or "") is not None


def _clients_and_server(item: Finding) -> str:
    """Return the families of client and server in the expectation of a finding."""
    return item.expected.partition(" server at ")[0]
