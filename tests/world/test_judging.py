"""How a world judges its evidence: each predicate that fails, and each missing witness."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from scapy.layers.igmp import IGMP
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Ether

from dualstack.errors import BrokenLab, HarnessError, Inconclusive, RequirementBroken
from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import AddressRow, Exit, Outcome, SocketRow
from dualstack.topology import load_topology
from dualstack.wire.evidence import CaptureData
from dualstack.world import base
from dualstack.world.base import World
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.facts import facts_of
from dualstack.world.listening import ListenerWorld
from dualstack.world.runs import Run

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

LISTEN = '[[listen]]\nname = "main"\nport = 8080\nprotocol = "echo"\n'
CONNECT = '[[connect]]\nname = "main"\ncommand = ["./client", "{host}"]\nport = 8080\n'
GOOD, BAD, WORSE = Finding(True, "peace", "peace"), Finding(False, "a", "b"), Finding(False, "c", "d")
LEAVING = Ether(src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02")


ROW = SocketRow("ipv6", "tcp", "LISTEN", "::", 8080, "", v6only=False, owner="server(7)")


def nothing_seen(_: CaptureData) -> Finding:
    """Stand in for a predicate that finds no packet of the flow."""
    raise Inconclusive("there is nothing to judge")


def test_a_case_that_checked_nothing_is_no_pass(make_world: MakeWorld) -> None:
    """A case without a finding is an error of the harness."""
    with pytest.raises(HarnessError, match="the case checked nothing"):
        make_world(World, LISTEN).world.conclude()


def test_every_finding_counts(make_world: MakeWorld) -> None:
    """Any finding that is not as expected breaks the requirement; the error lists all of them."""
    world = make_world(World, LISTEN).world
    world.require(GOOD)
    world.conclude()
    for finding in (BAD, GOOD, WORSE):
        world.require(finding)
    with pytest.raises(RequirementBroken, match=r"^expected: a; happened: b; expected: c; happened: d$"):
        world.conclude()


@pytest.mark.parametrize(
    ("levels", "level"),
    [([""], ""), (["SHOULD"], "SHOULD"), (["SHOULD", ""], ""), (["MUST"], ""), (["SHOULD", "MUST"], "")],
)
def test_the_strictest_finding_decides(make_world: MakeWorld, levels: list[str], level: str) -> None:
    """The strictest level of the failed findings is the level of the result."""
    world = make_world(World, LISTEN).world
    for item in levels:
        world.require(replace(BAD, level=item))
    with pytest.raises(RequirementBroken) as raised:
        world.conclude()
    assert raised.value.level == level


def test_without_packets_a_success_is_not_believed(make_world: MakeWorld) -> None:
    """Missing packets make a case inconclusive if no finding has failed; otherwise they are ignored."""
    made = make_world(World, LISTEN)
    made.wire()
    with pytest.raises(Inconclusive):
        made.world.shows(nothing_seen)
    made.world.require(GOOD)
    with pytest.raises(Inconclusive):
        made.world.shows(nothing_seen)
    made.world.require(BAD)
    made.world.shows(nothing_seen)
    assert made.world.findings == [GOOD, BAD]


def test_a_lab_that_is_not_proved_is_removed(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a proof fails, nothing is captured and the lab is removed."""
    world = make_world(World, LISTEN).world
    closed = []

    class Made:
        topology = load_topology("dual-stack")

        def close(self) -> None:
            closed.append(self)

    def fail(lab: object) -> None:
        raise BrokenLab(type(lab).__name__)

    monkeypatch.setattr(world._backend, "up", lambda _: Made(), raising=False)
    monkeypatch.setattr(base, "prove", fail)
    with pytest.raises(BrokenLab, match="Made"):
        world.__enter__()
    assert len(closed) == 1


def test_packets_of_the_kernel_itself_are_allowed_over_ipv6_only(make_world: MakeWorld) -> None:
    """Neighbour discovery is not IPv6 traffic of a service; ARP and IGMP need an IPv4 address, which no host has."""
    network = LEAVING / IP(src="0.0.0.0", dst="224.0.0.22", proto=2) / IGMP(type=0x16)
    for packet, families in (
        (LEAVING / IPv6(src="2001:db8:51:1::101") / ICMPv6ND_NS(), ()),
        (LEAVING / IPv6(src="2001:db8:51:1::101") / TCP(dport=8080), (Family.IPV6,)),
        (LEAVING / ARP(), (Family.IPV4,)),
        (network, (Family.IPV4,)),
    ):
        made = make_world(World, LISTEN)
        made.wire(packet)
        for family in BOTH:
            made.world.shows_no_family(family)
            assert made.world.findings[-1].ok is (family not in families)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("acl", [True, False])
def test_denied_or_refused_or_served(make_world: MakeWorld, outcome: Outcome, acl: bool) -> None:  # noqa: FBT001 - a parameter
    """A denied client may get no answer, a refused one must be refused; an unreachable service is neither.

    A client that is answered is served, unless the answer matches the manifest's ``acl.denied_response``.
    """
    rules = '[listen.acl]\ndeny = "deny {address}"\ndenied_response = "^DENIED"\n' if acl else ""
    served, denied, refused = Outcome.ANSWERED, {Outcome.REFUSED, Outcome.SILENT}, Outcome.REFUSED
    for answer in ("welcome, DENIED one", "DENIED"):
        made = make_world(ListenerWorld, LISTEN + rules)
        made.outcome(outcome, answer)
        where = made.world.addresses(Family.IPV6)[0]
        made.world.denies(Family.IPV6, where)
        made.world.refuses(Family.IPV6, where)
        made.world.admits(Family.IPV6, where)
        turned_away = acl and answer == "DENIED"
        found = [finding.ok for finding in made.world.findings]
        assert found == [outcome in denied or turned_away, outcome is refused, outcome is served and not turned_away]
        assert made.world.works == {"ipv6": outcome is served and not turned_away}


def test_a_rule_that_is_applied_wrongly_is_a_fact(make_world: MakeWorld) -> None:
    """A client that is served against a rule, or denied against one, is kept with the rule; a right one is not."""
    made = make_world(ListenerWorld, LISTEN + '[listen.acl]\ndeny = "deny {address}"\n')
    where, client = made.world.addresses(Family.IPV6)[0], made.world.sources(Family.IPV6)[0]
    made.outcome(Outcome.ANSWERED, "welcome")
    made.world.denies(Family.IPV6, where, source=client, rule="deny a")
    made.world.admits(Family.IPV6, where, source=client, rule="deny b")
    made.outcome(Outcome.REFUSED, "")
    made.world.denies(Family.IPV6, where, source=client, rule="deny c")
    made.world.admits(Family.IPV6, where, source=client, rule="deny d")
    assert facts_of(made.world).misjudged == ((client, "deny a"), (client, "deny d"))


def test_a_rule_that_is_forgotten_is_no_wrong_rule(make_world: MakeWorld) -> None:
    """A client that is served only after an admitted one is no fact about how the rule is compared."""
    made = make_world(ListenerWorld, LISTEN + '[listen.acl]\ndeny = "deny {address}"\n')
    where, client = made.world.addresses(Family.IPV6)[0], made.world.sources(Family.IPV6)[0]
    made.outcome(Outcome.REFUSED, "")
    assert made.world.denies(Family.IPV6, where, source=client, rule="deny a") is not None
    made.outcome(Outcome.ANSWERED, "welcome")
    assert made.world.denies(Family.IPV6, where, source=client, rule="deny a", again=True) is None
    assert made.world.findings[-1].symptoms == (Symptom.RULE_FORGOTTEN,)
    assert facts_of(made.world).misjudged == ()


def test_a_refusal_has_its_own_time(make_world: MakeWorld) -> None:
    """A refusal has its own timeout in the manifest."""
    made = make_world(ListenerWorld, LISTEN + "[timeouts]\nrefuse = 0.75\nexchange = 3.5\n")
    where = made.world.addresses(Family.IPV4)[0]
    made.world.refuses(Family.IPV4, where)
    made.world.answers(Family.IPV4, where)
    assert [dial.timeout for dial in made.prober.dials] == [0.75, 3.5]


def test_a_failure_stays(make_world: MakeWorld) -> None:
    """A family that failed once has failed, whatever follows; the other family is not affected."""
    made = make_world(ListenerWorld, LISTEN)
    for outcome in (Outcome.ANSWERED, Outcome.WRONG, Outcome.ANSWERED):
        made.outcome(outcome)
        made.world.answers(Family.IPV6, made.world.addresses(Family.IPV6)[0], times=3)
    made.world.answers(Family.IPV4, made.world.addresses(Family.IPV4)[0])
    assert made.world.works == {"ipv6": False, "ipv4": True}
    assert [finding.ok for finding in made.world.findings] == [True, False, True, True]
    assert len(made.prober.dials) == 3 + 1 + 3 + 1


def test_an_end_is_noticed(make_world: MakeWorld) -> None:
    """A service that has ended has not survived; the finding has its exit status and last log line."""
    made = make_world(ListenerWorld, LISTEN)
    made.program(None)
    made.world.survives("the storm")
    for end, words in ((Exit(0), "exited with code 0"), (Exit(None, "SIGPIPE"), "was ended by SIGPIPE")):
        made.program(end, "one\ngood bye\n")
        made.world.survives("the storm")
        assert made.world.findings[-1] == Finding(
            ok=False,
            expected="the service runs on after the storm",
            happened=f'it {words}; its output says: "good bye"',
        )
    assert made.world.findings[0].ok


@pytest.mark.parametrize(
    ("row", "families"),
    [
        (ROW, BOTH),
        (replace(ROW, v6only=True), (Family.IPV6,)),
        (replace(ROW, address="::1", v6only=True), (Family.IPV6,)),
        (replace(ROW, family="ipv4", address="127.0.0.1", v6only=None), (Family.IPV4,)),
        (replace(ROW, port=8081), ()),
        (replace(ROW, transport="udp", state="UNCONN"), ()),
        (replace(ROW, state="ESTABLISHED"), ()),
        (replace(ROW, owner=""), ()),
        (replace(ROW, owner="prober(1)"), ()),
    ],
)
def test_on_its_own_host_a_socket_has_to_take_the_family(
    make_world: MakeWorld, row: SocketRow, families: tuple[Family, ...]
) -> None:
    """Packets of local clients are not captured: a socket of the service on the port must take their family."""
    for family in BOTH:
        made = make_world(ListenerWorld, LISTEN + 'scope = "loopback"\n')
        made.wire()
        made.prober.rows = [row]
        made.world.service.sockets.read()
        made.world.shows_served(family)
        assert [finding.ok for finding in made.world.findings] == [family in families, True]


def test_packets_of_a_loopback_service_never_reach_the_link(make_world: MakeWorld) -> None:
    """A packet of the port on the link is a fault of a loopback service; its absence needs a witness."""
    made = make_world(ListenerWorld, LISTEN + 'scope = "loopback"\n')
    made.wire(LEAVING / IP() / TCP(dport=8081))
    made.world.shows_refused(Family.IPV4)
    made.wire(LEAVING / IP() / TCP(dport=8080))
    made.world.shows_refused(Family.IPV4)
    assert [finding.ok for finding in made.world.findings] == [True, False]
    fresh = make_world(ListenerWorld, LISTEN + 'scope = "loopback"\n')
    fresh.wire(witnessed=False)
    with pytest.raises(Inconclusive, match="witness"):
        fresh.world.shows_inside()


def test_a_tentative_address_is_waited_for(make_world: MakeWorld) -> None:
    """An address is usable when it exists and duplicate address detection has ended."""
    made = make_world(World, LISTEN)
    row = AddressRow("ipv6", "2001:db8:51:1::105", 64, "eth0", tentative=False, duplicate=False)
    other = replace(row, address="2001:db8:51:1::106")
    made.prober.tables = [[], [other], [replace(row, tentative=True), other], [row, other]]
    made.world.await_usable(row.address)
    assert made.prober.tables == []


def test_a_success_needs_a_client() -> None:
    """A success that the peer did not see is a problem; an error that the connector reports itself comes first."""
    run = Run(fault="", how=Exit(0), seconds=0.1, said=True, reached="192.0.2.1 → 192.0.2.2")
    assert run.problem == ""
    assert replace(run, reached="").problem == "it reported success, but no client reached the peer"
    assert replace(run, reached="", fault="it exited with code 7").problem == "it exited with code 7"


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_connector_uses_one_family_alone(make_world: MakeWorld, transport: str) -> None:
    """An attempt over the other family is found, also beside one over the expected family."""
    layer = TCP(dport=8080, flags="S") if transport == "tcp" else UDP(dport=8080)
    four, six = LEAVING / IP() / layer, LEAVING / IPv6() / layer
    for packets, families in (((four,), {Family.IPV4}), ((six,), {Family.IPV6}), ((six, four), set())):
        made = make_world(ConnectorWorld, CONNECT + f'transport = "{transport}"\n')
        made.wire(*packets)
        for family in BOTH:
            made.world.shows_connected(family)
        assert [finding.ok for finding in made.world.findings] == [family in families for family in BOTH]
