"""Access rules apply to clients, in whatever form a socket or a rule writes their addresses."""

from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.families import Family
from dualstack.finding import Finding
from dualstack.manifest import Acl
from dualstack.manifest.texts import fill
from dualstack.prober.messages import Dialled, Outcome
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.concurrent_clients import add_client_addresses
from dualstack.world.notations import network_without, notations, wide_network

SILENT, SLOWER = 1.0, 10
"""A client without an answer counts as denied after `SILENT` s plus `SLOWER` times the time of a served client."""

AGAIN = 2
"""How many denied clients dial again after an admitted one: those that were denied within `SILENT` s."""

SHORT, LONG = {Family.IPV4: 25, Family.IPV6: 0x25}, {Family.IPV4: 251, Family.IPV6: 0x251}
"""The numbers of two addresses on the link that no host has; as text the second one begins with the first one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, and which clients it admits.

    Attributes:
        text: What ``{acl}`` stands for.
        admitted: By client address: whether the service must serve that client.
    """

    text: str
    admitted: dict[str, bool]


@Requirement(
    id="SEC-001",
    title="Access rules apply to the clients that they name",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A rule that denies or allows one address or one network, of either family, applies to exactly the "
    "clients that it names, in every textual form of the address, whatever client was served before; an IPv4 client of "
    "a dual-stack socket, where its address appears as ::ffff:a.b.c.d, is no exception.",
    stimulus="For each family, and each kind of rule that the service has: start it with a rule for one client; dial "
    "it from that client, from another one of its family and from one of the other family, first from those that it "
    "must deny; after the others dial it again from up to two that it denied at once. Repeat this with the other "
    "textual forms of an IPv6 address (upper case, without ::, with leading zeros, :: in another place). For network "
    "rules, use a network that contains both clients of the family, and one that contains only one of them. Two more "
    "clients have addresses of which one, as text, is the beginning of the other one: a rule for each of them.",
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
    """A rule denies or allows exactly the clients that it names."""
    acl = world.listener.acl
    assert acl is not None  # Need.ACL
    silence = 0.0
    served = world.served()  # without a rule
    pairs = {family: similar(world, family) for family in served} if acl.deny or acl.allow else {}
    add_client_addresses(world, [address for pair in pairs.values() for address in pair])
    for family in served:
        own = rules(acl, world.sources(family), world.sources(family.other))
        for rule in (*own, *similar_rules(acl, pairs.get(family, ()))):
            admitted = {client: names for client, names in rule.admitted.items() if Family.of(client) in served}
            silence = judge(world, Rule(rule.text, admitted), silence) or silence


def rules(acl: Acl, own: tuple[str, ...], others: tuple[str, ...]) -> Iterator[Rule]:
    """Yield the rules about one family.

    Args:
        acl: How rules are written.
        own: The addresses of two clients of the family.
        others: The addresses of clients of the other family.
    """
    (one, second), other = own[:2], others[0]
    wide, narrow = wide_network(one), network_without(one, second)
    for kind, place, names in (("deny", "deny_network", False), ("allow", "allow_network", True)):
        text = getattr(acl, kind)
        if text is not None:
            yield Rule(fill(text, {"address": one}), {one: names, second: not names, other: not names})
            for form in notations(one).values():
                yield Rule(fill(text, {"address": form}), {one: names, second: not names})
        text = getattr(acl, place)
        if text is not None:
            yield Rule(fill(text, {"network": wide}), {one: names, second: names, other: not names})
            yield Rule(fill(text, {"network": narrow}), {one: names, second: not names})


def similar(world: ListenerWorld, family: Family) -> tuple[str, str]:
    """Return two addresses of the link; as text the second one begins with the first one."""
    network = world.lab.plan.ipv4 if family is Family.IPV4 else world.lab.plan.ipv6
    return str(network[SHORT[family]]), str(network[LONG[family]])


def similar_rules(acl: Acl, pair: tuple[str, ...]) -> Iterator[Rule]:
    """Yield a rule for each client of a pair that a comparison of texts may confuse."""
    for text, names in ((acl.deny, False), (acl.allow, True)):
        for one in pair if text is not None else ():
            yield Rule(fill(text or "", {"address": one}), {client: names is (client == one) for client in pair})


def judge(world: ListenerWorld, rule: Rule, silence: float) -> float:
    """Start the service with a rule, and require that it serves the right clients.

    Those to be denied come first, and some of them once more after the others: a service may keep its last decision.

    Args:
        world: The world.
        rule: The rule.
        silence: Seconds after which a client without an answer counts as denied; 0 for the timeout of an exchange.

    Returns:
        The seconds to use for the next rule, from the times of the served clients; 0 if none was served.
    """
    enough, denied = 0.0, dict[str, Dialled]()
    readiness = world.service.wait_ready(world.service.launch(acl=rule.text))
    if not readiness.ready:
        expected = f'the service starts with the rule "{rule.text}"'
        world.require(Finding(False, expected, readiness.detail + world.service.last_log_line()))
        return enough
    for client, admitted in sorted(rule.admitted.items(), key=lambda item: item[1]):
        family = Family.of(client)
        address = world.addresses(family)[0]
        if not admitted:
            if refused := world.denies(family, address, source=client, rule=rule.text, timeout=silence):
                denied[client] = refused
        elif (served := world.admits(family, address, source=client, rule=rule.text)).outcome is Outcome.ANSWERED:
            enough = min(SILENT + SLOWER * served.seconds, world.subject.manifest.timeouts.exchange)
    for client in to_repeat(denied, slow=not silence) if enough else ():
        family = Family.of(client)
        address = world.addresses(family)[0]
        world.denies(family, address, source=client, rule=rule.text, timeout=enough, again=True)
    return enough


def to_repeat(denied: dict[str, Dialled], *, slow: bool) -> list[str]:
    """Return the clients that dial again: up to `AGAIN` that were denied at once.

    Args:
        denied: The denied clients, and their exchanges.
        slow: Whether to return one client if none was denied at once.
    """
    quick = [client for client, dialled in denied.items() if dialled.seconds < SILENT]
    return quick[:AGAIN] or list(denied)[: int(slow)]
