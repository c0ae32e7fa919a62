"""Access rules mean clients, however a socket or a rule writes their addresses."""

from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest.models import Acl
from dualstack.prober.messages import Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.notations import network_without, notations, wide_network

SILENT, SLOWER = 1.0, 10
"""A client counts as denied by silence after these seconds, and so many times what one that is served has taken."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, and which clients it lets in.

    Attributes:
        text: What ``{acl}`` stands for.
        admitted: For each client that comes, by its address: whether the service must serve it.
    """

    text: str
    admitted: dict[str, bool]


@Requirement(
    id="SEC-001",
    title="Access rules decide about the clients that they name",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A rule that denies or allows one address or one network, of either family, decides about exactly the "
    "clients that it names, in every textual form of the address; an IPv4 client of a dual-stack socket, where its "
    "address appears as ::ffff:a.b.c.d, is no exception.",
    stimulus="For each family, and each kind of rule that the service has: start it with a rule for one client; dial "
    "from that client, from another one of its family and from one of the other family. Repeat it with the other "
    "textual forms of an IPv6 address (upper case, without ::, with leading zeros, :: at another place). With rules "
    "for networks: a network that has both clients of the family, and one that has only one of them.",
    wire="No claim: the evidence is how the service answers each client.",
    cites=(
        "RFC 4942 §2.2",
        "RFC 4291 §2.2, §2.3, §2.5.5.2",
        "RFC 5952 §4",
        "RFC 4632 §3.1",
        "RFC 3493 §3.7",
    ),
    topologies=("dual-stack",),
    causes=("RC-ACLTEXT", "RC-MAPPED"),
    needs=(Need.ACL, Need.BOTH, Need.ANSWER, Need.NETWORK),
).attach
def test_rules_apply_to_the_clients_they_name(world: ListenerWorld) -> None:
    """Denied is denied and allowed is allowed: for the clients that a rule names, and for no others."""
    acl = world.listener.acl
    assert acl is not None  # Need.ACL
    silence = 0.0
    for family in world.families:
        for rule in rules(acl, world.sources(family), world.sources(family.other)):
            silence = judge(world, rule, silence) or silence


def rules(acl: Acl, own: tuple[str, ...], others: tuple[str, ...]) -> Iterator[Rule]:
    """Yield the rules about one family.

    Args:
        acl: How rules are written.
        own: The addresses of two clients of the family.
        others: Those of clients of the other family.
    """
    (one, second), other = own[:2], others[0]
    wide, narrow = wide_network(one), network_without(one, second)
    for kind, place, names in (("deny", "deny_network", False), ("allow", "allow_network", True)):
        text = getattr(acl, kind)
        if text is not None:
            yield Rule(text.replace("{address}", one), {one: names, second: not names, other: not names})
            for form in notations(one).values():
                yield Rule(text.replace("{address}", form), {one: names, second: not names})
        text = getattr(acl, place)
        if text is not None:
            yield Rule(text.replace("{network}", wide), {one: names, second: names, other: not names})
            yield Rule(text.replace("{network}", narrow), {one: names, second: not names})


def judge(world: ListenerWorld, rule: Rule, silence: float) -> float:
    """Start the service with a rule, and require that it serves the right clients: those first that it must deny.

    Args:
        world: The world.
        rule: The rule.
        silence: Seconds after which a client without an answer counts as denied; 0 for the time of an exchange.

    Returns:
        The seconds that are enough for that after what the clients that were served have shown; 0 without any.
    """
    enough = 0.0
    readiness = world.ready(world.launch(acl=rule.text))
    if not readiness.ready:
        expected = f'the service starts with the rule "{rule.text}"'
        world.require(Finding(False, expected, readiness.detail + world.last_words()))
        return enough
    for client, admitted in sorted(rule.admitted.items(), key=lambda item: item[1]):
        family = Family.of(client)
        address = world.addresses(family)[0]
        if not admitted:
            world.denies(family, address, source=client, rule=rule.text, timeout=silence)
        elif (served := world.admits(family, address, source=client, rule=rule.text)).outcome is Outcome.ANSWERED:
            enough = min(SILENT + SLOWER * served.seconds, world.subject.manifest.timeouts.exchange)
    return enough
