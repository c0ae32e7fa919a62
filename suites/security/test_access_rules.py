"""Access rules mean clients, however the socket spells their addresses."""

from dualstack.families import Family
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld


@Requirement(
    id="SEC-001",
    title="Access rules apply to IPv4 clients of a dual-stack socket",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A rule that denies or allows one address, of either family, decides about exactly that client; an IPv4 "
    "client of a dual-stack socket, where its address appears as ::ffff:a.b.c.d, is no exception.",
    stimulus="For each family, and each kind of rule that the service has: start it with a rule that denies the client "
    "of that family, or allows no other one; let a client of each family come.",
    wire="No claim: the client is told by what the service makes of it.",
    cites=("RFC 4942 §2.2", "RFC 4291 §2.5.5.2", "RFC 3493 §3.7"),
    topologies=("dual-stack",),
    causes=("RC-ACLTEXT", "RC-MAPPED"),
    needs=(Need.ACL, Need.BOTH, Need.ANSWER, Need.NETWORK),
).attach
def test_rules_apply_to_mapped_clients(world: ListenerWorld) -> None:
    """Denied is denied, and allowed is allowed, over both families."""
    acl = world.listener.acl
    assert acl is not None  # Need.ACL
    for rule, other_is_let_in in ((acl.deny, True), (acl.allow, False)):
        for family in world.families if rule is not None else ():
            client = world.exchange(family).source
            world.start(acl=str(rule).replace("{address}", client))
            judge(world, denied=family if other_is_let_in else family.other)


def judge(world: ListenerWorld, denied: Family) -> None:
    """Let a client of each family come: first that which is to be denied, then the other, so that the service lives."""
    world.denies(denied, world.addresses(denied)[0])
    world.admits(denied.other, world.addresses(denied.other)[0])
