"""The plan: which cases there are, which do not apply and why, and which are known to fail."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dualstack.casekey import CaseKey
from dualstack.content import ROOT
from dualstack.manifest import Subject, subjects_of
from dualstack.need import ipv6_forms
from dualstack.plan import EVERYTHING, PlannedCase, Selection, plan_cases
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.suites import requirements

HEAD = 'schema = 1\n[service]\nname = "made-up"\ncommand = ["./server", "{bind}"]\n'
LISTEN = '[[listen]]\nname = "main"\nport = 8080\n'
BIND = '[listen.bind]\nany = "*"\nipv4_any = "0.0.0.0"\nipv6_any = ""\n'
EXCHANGE = 'transport = "udp"\nprotocol = "exchange"\nsend = "one"\n'
ONEWAY = 'transport = "udp"\nprotocol = "oneway"\nsend = "<13>hello"\nreceived_log = "hello"\n'
HTTP = 'protocol = "http"\n'
FIELD = 'field = [{ name = "gateway", request = "/{address}", answer = "(.)" }]\n'
ANY_PORT = 'transport = "udp"\nprotocol = "echo"\nreply_port = "any"\n'
RELAY = '[[relay]]\nname = "back"\nlisten = "main"\n'
CONNECT = '[[connect]]\nname = "client"\ncommand = ["./client", "{host}"]\n'
SOURCE = 'source_command = ["./client", "--bind", "{source}", "{host}", "{port}"]\n'
TOPOLOGIES = ("dual-stack", "ipv6-only")


def require(*needs: Need, role: Role = Role.LISTENER, topologies: tuple[str, ...] = TOPOLOGIES) -> Requirement:
    """Return a requirement."""
    return Requirement(
        id="LISTEN-001" if role is Role.LISTENER else "CONNECT-001",
        title="x",
        level=Level.MUST,
        role=role,
        statement="x",
        stimulus="x",
        wire="x",
        cites=("x",),
        topologies=topologies,
        causes=("RC-V6ONLY",),
        needs=needs,
    )


def subjects(tmp_path: Path, text: str) -> list[Subject]:
    """Return the subjects of a manifest with this text."""
    path = tmp_path / "service.toml"
    if "acl." in text:
        path.write_text(HEAD.replace("{bind}", "{acl}") + text)
        return subjects_of(path)
    if "proxy.trust" in text:
        path.write_text(HEAD.replace("{bind}", "{trusted}") + text)
        return subjects_of(path)
    path.write_text(HEAD.replace(', "{bind}"', "") + text if "[listen.bind]" not in text else HEAD + text)
    return subjects_of(path)


def plan(tmp_path: Path, text: str, requirement: Requirement, selection: Selection = EVERYTHING) -> list[PlannedCase]:
    """Return the cases of one requirement on a manifest with this text."""
    return plan_cases(requirement, subjects(tmp_path, text), selection)


def test_one_case_for_each_part_and_topology(tmp_path: Path) -> None:
    """A listener's requirement makes a case for each listener and topology, and none for connectors."""
    second = LISTEN.replace("main", "second").replace("8080", "8081")
    cases = plan(tmp_path, LISTEN + second + CONNECT, require())
    assert [case.id for case in cases] == [
        "LISTEN-001:made-up:main@dual-stack",
        "LISTEN-001:made-up:main@ipv6-only",
        "LISTEN-001:made-up:second@dual-stack",
        "LISTEN-001:made-up:second@ipv6-only",
    ]
    assert all(case.not_applicable == "" and case.known is None for case in cases)


def test_relays_have_cases(tmp_path: Path) -> None:
    """A requirement on relays makes cases for relays only; its needs ask for keys of the relay and of its listener."""
    head = HEAD.replace("{bind}", "{target}")
    path = tmp_path / "service.toml"
    path.write_text(head + LISTEN + 'protocol = "echo"\n' + CONNECT + RELAY + 'families = ["ipv4"]\n', encoding="utf-8")
    needs = (Need.TCP, Need.NETWORK, Need.STREAM, Need.SERVER_BY_NAME, Need.TO_IPV4)
    cases = plan_cases(require(*needs, role=Role.RELAY), subjects_of(path))
    assert {(case.element, case.not_applicable) for case in cases} == {("back", "")}
    (case, _) = plan_cases(require(Need.TO_IPV6, role=Role.RELAY), subjects_of(path))
    assert case.not_applicable == "it does not claim to reach servers over IPv6"
    for role in (Role.LISTENER, Role.CONNECTOR, Role.BOTH):
        assert "back" not in {case.element for case in plan_cases(require(role=role), subjects_of(path))}


def test_connectors_have_cases_of_their_own(tmp_path: Path) -> None:
    """A connector's requirement makes cases for connectors only."""
    cases = plan(tmp_path, LISTEN + CONNECT, require(role=Role.CONNECTOR))
    assert {case.element for case in cases} == {"client"}
    assert len(cases) == 2


@pytest.mark.parametrize(
    ("need", "has", "lacks"),
    [
        (Need.LOOPBACK, LISTEN + 'scope = "loopback"\n', LISTEN),
        (Need.NETWORK, LISTEN, LISTEN + 'scope = "loopback"\n'),
        (Need.BIND_LOCALHOST, LISTEN + BIND + 'localhost = "localhost"\n', LISTEN + BIND),
        (Need.IPV4, LISTEN, LISTEN + 'families = ["ipv6"]\n'),
        (Need.IPV6, LISTEN, LISTEN + 'families = ["ipv4"]\n'),
        (Need.BOTH, LISTEN, LISTEN + 'families = ["ipv4"]\n'),
        (Need.ONE, LISTEN + 'families = ["ipv4"]\n', LISTEN),
        (Need.TCP, LISTEN, LISTEN + 'transport = "udp"\nprotocol = "echo"\n'),
        (Need.UDP, LISTEN + 'transport = "udp"\nprotocol = "echo"\n', LISTEN),
        (Need.NO_DUAL_UDP, LISTEN, LISTEN + 'transport = "udp"\nprotocol = "echo"\n'),
        (
            Need.NO_DUAL_UDP,
            LISTEN + 'transport = "udp"\nprotocol = "echo"\nfamilies = ["ipv4"]\n',
            LISTEN + 'transport = "udp"\nprotocol = "echo"\n',
        ),
        (Need.NO_DUAL_UDP_WITHOUT_ADDRESS, LISTEN, LISTEN + 'transport = "udp"\nprotocol = "echo"\n'),
        (
            Need.NO_DUAL_UDP_WITHOUT_ADDRESS,
            LISTEN + 'transport = "udp"\nprotocol = "echo"\n' + BIND + 'ipv6_address = "{address}"\n',
            LISTEN + 'transport = "udp"\nprotocol = "echo"\n' + BIND,
        ),
        (Need.LARGE, LISTEN + 'transport = "udp"\nprotocol = "upper"\n', LISTEN + EXCHANGE),
        (Need.LARGE, LISTEN + EXCHANGE + 'large_send = "all"\n', LISTEN),
        (Need.BULK, LISTEN + 'protocol = "echo"\n', LISTEN + HTTP),
        (Need.BULK, LISTEN + HTTP + 'bulk_send = "/all"\n', LISTEN + EXCHANGE),
        (Need.SEND_TIMEOUT, LISTEN + "send_timeout = 5\n", LISTEN),
        (Need.ANSWER, LISTEN + 'protocol = "echo"\n', LISTEN),
        (Need.REPLIES, LISTEN, LISTEN + ONEWAY),
        (Need.REPLY_PORT, LISTEN + 'transport = "udp"\nprotocol = "echo"\n', LISTEN + ANY_PORT),
        (Need.HTTP, LISTEN + 'protocol = "http"\n', LISTEN),
        (Need.KEEPS, LISTEN + 'protocol = "http"\n', LISTEN),
        (Need.NAMES_SERVER, LISTEN + 'protocol = "http"\n', LISTEN),
        (Need.NAMES_SERVER, LISTEN + EXCHANGE, LISTEN + 'protocol = "echo"\n'),
        (Need.NAMES_SERVER, LISTEN + 'protocol = "sip"\n', LISTEN + 'protocol = "mqtt"\n'),
        (Need.RTSP, LISTEN + 'protocol = "rtsp"\n', LISTEN + 'protocol = "sip"\n'),
        (Need.FTP, LISTEN + 'protocol = "ftp"\n', LISTEN + 'protocol = "sip"\n'),
        (Need.SIP, LISTEN + 'protocol = "sip"\n', LISTEN + 'protocol = "ftp"\n'),
        (Need.HIDES_ITSELF, LISTEN + 'protocol = "ftp"\n', LISTEN + 'protocol = "sip"\n'),
        (Need.ONE_REQUEST, LISTEN + 'protocol = "sip"\n', LISTEN + 'protocol = "ftp"\n'),
        (Need.TLS, LISTEN + 'tls.verify = "none"\n', LISTEN),
        (Need.NO_TLS, LISTEN, LISTEN + 'tls.verify = "none"\n'),
        (Need.PLAIN, LISTEN, LISTEN + 'tls.verify = "none"\n'),
        (Need.MANY, LISTEN, LISTEN + "single_shot = true\n"),
        (Need.ACL, LISTEN + 'acl.deny = "{address}"\n', LISTEN),
        (Need.FORWARDED, LISTEN + HTTP + 'proxy.forwarded = "Forwarded"\n', LISTEN + HTTP),
        (Need.PROXY, LISTEN + 'proxy.versions = ["v2"]\n', LISTEN),
        (
            Need.PROXY_TRUST,
            LISTEN + 'proxy.versions = ["v2"]\nproxy.trust = "{address}"\n',
            LISTEN + 'proxy.versions = ["v2"]\n',
        ),
        (Need.ADVERTISES, LISTEN + HTTP + 'advertises.json_path = "$.a"\n', LISTEN + HTTP + "advertises = {}\n"),
        (Need.ADVERTISES, LISTEN + HTTP + 'advertises.json_path = "$.a"\n', LISTEN + HTTP),
        (Need.SELF_REFERENCES, LISTEN + HTTP + "advertises = {}\n", LISTEN + HTTP),
        (
            Need.SELF_REFERENCES,
            LISTEN + HTTP + "advertises = {}\n",
            LISTEN + EXCHANGE + "advertises.pattern = '(?P<host>x)'\n",
        ),
        (Need.FIELDS, LISTEN + HTTP + FIELD, LISTEN + HTTP),
        (Need.FETCH, LISTEN + 'fetch.request = "/?url={url}"\n', LISTEN),
        (
            Need.MULTICAST,
            LISTEN + 'transport = "udp"\nprotocol = "echo"\nmulticast.ipv6 = "ff05::9"\n',
            LISTEN + 'transport = "udp"\nprotocol = "echo"\nfamilies = ["ipv4"]\nmulticast.ipv6 = "ff05::9"\n',
        ),
        (Need.MULTICAST, LISTEN + 'transport = "udp"\nprotocol = "echo"\nmulticast.ipv4 = "239.1.2.3"\n', LISTEN),
        (
            Need.NO_MULTICAST,
            LISTEN + 'transport = "udp"\nprotocol = "echo"\n',
            LISTEN + 'transport = "udp"\nprotocol = "echo"\nmulticast.ipv4 = "239.1.2.3"\n',
        ),
        (Need.TWO_CLIENTS, LISTEN + "clients = 2\n", LISTEN + "clients = 1\n"),
        (Need.BIND_IPV6, LISTEN + BIND.replace('ipv6_any = ""', 'ipv6_any = "::"'), LISTEN + BIND),
        (Need.BIND_IPV6, LISTEN + BIND + 'ipv6_address = "{address}"\n', LISTEN),
        (Need.BIND_IPV6_ADDRESS, LISTEN + BIND + 'ipv6_address = "[{address}]"\n', LISTEN + BIND),
        (Need.BIND_IPV6_ADDRESS, LISTEN + BIND + 'ipv6_address = "[{address}]"\n', LISTEN),
        (Need.BIND_IPV6_ANY, LISTEN + 'families = ["ipv6"]\n', LISTEN + 'families = ["ipv4"]\n'),
        (Need.BIND_IPV6_ANY, LISTEN + BIND, LISTEN + BIND.replace('ipv6_any = ""\n', "")),
        (Need.BIND_PAIR, LISTEN + BIND + 'pair = "*,::"\n', LISTEN + BIND),
        (Need.BIND_IPV4_MAPPED, LISTEN + BIND + 'ipv4_mapped = "::ffff:{address}"\n', LISTEN + BIND),
        (Need.PEER, LISTEN + 'peer_log = "(.)"\n', LISTEN),
        (Need.PEER, LISTEN + 'peer_reply = "(.)"\n', LISTEN),
    ],
)
def test_needs_of_listeners(tmp_path: Path, need: Need, has: str, lacks: str) -> None:
    """A case applies where the listener has what is needed; else the need itself is the reason."""
    assert [case.not_applicable for case in plan(tmp_path, has, require(need))] == ["", ""]
    without = plan(tmp_path, lacks, require(need))
    assert [(case.lacks, case.not_applicable) for case in without] == [(need, need.reason)] * 2


@pytest.mark.parametrize(
    ("need", "lacks"),
    [
        (Need.LITERALS, "literals = false\n"),
        (Need.ZONES, "zones = false\n"),
        (Need.SOURCE, ""),
        (Need.NAMES, "names = false\n"),
        (Need.IPV4, 'families = ["ipv6"]\n'),
        (Need.BOTH, 'families = ["ipv6"]\n'),
        (Need.TCP, 'transport = "udp"\n'),
        (Need.ENDS, 'mode = "daemon"\n'),
        (Need.RESOLV_CONF, 'environment = { DNS = "{nameserver}" }\n'),
        (Need.BY_ITSELF, 'mode = "daemon"\nready_log = "ready"\ntrigger.signal = "SIGUSR1"\n'),
    ],
)
def test_needs_of_connectors(tmp_path: Path, need: Need, lacks: str) -> None:
    """A case applies where the connector has what is needed; else the need itself is the reason."""
    requirement = require(need, role=Role.CONNECTOR)
    has = CONNECT + (SOURCE if need is Need.SOURCE else "")
    assert [case.not_applicable for case in plan(tmp_path, has, requirement)] == ["", ""]
    assert [case.not_applicable for case in plan(tmp_path, CONNECT + lacks, requirement)] == [need.reason] * 2


@pytest.mark.parametrize(("need", "has"), [(Need.DAEMON, 'mode = "daemon"\n')])
def test_needs_of_declared_connectors(tmp_path: Path, need: Need, has: str) -> None:
    """A case applies where the connector declares what is needed, and to no listener."""
    requirement = require(need, role=Role.CONNECTOR)
    assert [case.not_applicable for case in plan(tmp_path, CONNECT + has, requirement)] == ["", ""]
    assert [case.not_applicable for case in plan(tmp_path, CONNECT, requirement)] == [need.reason] * 2
    assert plan(tmp_path, LISTEN, require(need))[0].lacks is need


def test_a_requirement_on_both(tmp_path: Path) -> None:
    """A requirement on listeners and connectors makes cases for each of them."""
    cases = plan(tmp_path, LISTEN + CONNECT, require(role=Role.BOTH, topologies=("dual-stack",)))
    assert [case.element for case in cases] == ["main", "client"]


def test_the_service_as_a_whole_has_one_case(tmp_path: Path) -> None:
    """A requirement on the service makes one case for each configuration, however many parts there are."""
    whole = require(role=Role.SERVICE, topologies=("dual-stack",))
    names = [case.id.partition(":")[2] for case in plan(tmp_path, TWO + CONNECT + WAYS, whole)]
    assert names == ["made-up/a:service@dual-stack", "made-up/b:service@dual-stack"]
    assert [case.element for case in plan(tmp_path, CONNECT, whole)] == ["service"]
    assert plan(tmp_path, TWO, whole, Selection(elements=("main",))) == []


@pytest.mark.parametrize(
    ("need", "has", "lacks"),
    [
        (Need.TO_IPV4, 'families = ["ipv4"]\n', 'families = ["ipv6"]\n'),
        (Need.TO_IPV6, "", 'families = ["ipv4"]\n'),
        (Need.SERVER_BY_NAME, "literals = false\n", "names = false\n"),
        (Need.STREAM, "half_close = false\n", "stream = false\n"),
        (Need.HALF_CLOSE, "stream = false\n", "half_close = false\n"),
        (Need.UDP_IDLE, "udp_idle = 2\n", ""),
        (Need.STREAM, "", 'sends_proxy = "v1"\n'),
        (Need.SENDS_V1, 'sends_proxy = "v1"\n', 'sends_proxy = "v2"\n'),
        (Need.SENDS_FORWARDED, 'protocol = "http"\nstream = false\nforwarded = "Forwarded"\n', "stream = false\n"),
        (Need.SENDS_V2, 'sends_proxy = "v2"\n', ""),
    ],
)
def test_needs_of_relays(tmp_path: Path, need: Need, has: str, lacks: str) -> None:
    """A need of relays depends on one key; a UDP relay passes on no stream."""
    udp = 'transport = "udp"\n' if need is Need.UDP_IDLE else ""
    path = tmp_path / "service.toml"
    for text, reason in ((has, ""), (lacks, need.reason)):
        path.write_text(f'{HEAD.replace("{bind}", "{target}")}{LISTEN}protocol = "echo"\n{udp}{RELAY}{text}')
        cases = plan_cases(require(need, role=Role.RELAY), subjects_of(path))
        assert {(case.element, case.not_applicable) for case in cases} == {("back", reason)}


def test_every_need_was_tried() -> None:
    """The four tests of needs leave none out."""
    tests: tuple[Any, ...] = (
        test_needs_of_listeners,
        test_needs_of_connectors,
        test_needs_of_declared_connectors,
        test_needs_of_relays,
    )
    assert {row[0] for test in tests for table in test.pytestmark for row in table.args[1]} == set(Need)


def test_first_need_that_is_lacking_is_the_reason(tmp_path: Path) -> None:
    """Of several lacking needs the first is named."""
    cases = plan(tmp_path, LISTEN, require(Need.TCP, Need.PEER, Need.ONE))
    assert {case.not_applicable for case in cases} == {Need.PEER.reason}


def test_exemption(tmp_path: Path) -> None:
    """An exception leaves a requirement out where it says so, with its own reason."""
    text = LISTEN + '[[exemption]]\nrequirement = "LISTEN-001"\nreason = "not for this service"\n'
    assert [case.not_applicable for case in plan(tmp_path, text, require(Need.PEER))] == ["not for this service"] * 2
    text += 'topologies = ["ipv6-only"]\n'
    assert [case.not_applicable for case in plan(tmp_path, text, require())] == ["", "not for this service"]
    other = text.replace("LISTEN-001", "LISTEN-002")
    assert [case.not_applicable for case in plan(tmp_path, other, require())] == ["", ""]


KNOWN = '[[known]]\nrequirement = "LISTEN-001"\nreason = "a bug is known"\n'
TWO = LISTEN + LISTEN.replace("main", "second").replace("8080", "8081")
WAYS = '[[configuration]]\nname = "a"\n[[configuration]]\nname = "b"\n'


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (TWO + KNOWN, {"main@dual-stack", "main@ipv6-only", "second@dual-stack", "second@ipv6-only"}),
        (TWO + KNOWN + 'topologies = ["ipv6-only"]\n', {"main@ipv6-only", "second@ipv6-only"}),
        (TWO + KNOWN + 'elements = ["second"]\n', {"second@dual-stack", "second@ipv6-only"}),
        (TWO + KNOWN + 'elements = ["second"]\ntopologies = ["dual-stack"]\n', {"second@dual-stack"}),
        (TWO + KNOWN.replace("-001", "-002"), set()),
    ],
)
def test_known(tmp_path: Path, text: str, known: set[str]) -> None:
    """A known issue holds for the topologies and parts that it names, or for all."""
    assert {case.key.place for case in plan(tmp_path, text, require()) if case.known} == known


def test_known_in_a_configuration(tmp_path: Path) -> None:
    """A known issue may hold in one configuration only."""
    cases = plan(tmp_path, LISTEN + WAYS + KNOWN + 'configurations = ["b"]\n', require())
    assert {(case.subject.configuration, case.known is not None) for case in cases} == {("a", False), ("b", True)}


@pytest.mark.parametrize("table", ["known", "exemption"])
def test_entry_for_several_requirements(tmp_path: Path, table: str) -> None:
    """One entry may name several requirements, and holds for each of them and no other."""
    text = LISTEN + f'[[{table}]]\nrequirement = ["LISTEN-002", "LISTEN-001"]\nreason = "for both of them"\n'
    for one, fits in ((text, True), (text.replace("LISTEN-001", "LISTEN-003"), False)):
        assert [bool(case.known or case.not_applicable) for case in plan(tmp_path, one, require())] == [fits, fits]


def test_first_known_entry_counts(tmp_path: Path) -> None:
    """Of two entries that fit, the first one's reason is given."""
    cases = plan(tmp_path, LISTEN + KNOWN + KNOWN.replace("a bug", "another"), require())
    assert {case.known.reason for case in cases if case.known} == {"a bug is known"}


def test_known_can_be_ignored(tmp_path: Path) -> None:
    """The selection can have known issues judged like any other case."""
    assert not any(case.known for case in plan(tmp_path, LISTEN + KNOWN, require(), Selection(ignore_known=True)))


@pytest.mark.parametrize(
    ("selection", "topologies"),
    [
        (Selection(), ["dual-stack", "ipv6-only"]),
        (Selection(topologies=("ipv6-only",)), ["ipv6-only"]),
        (Selection(topologies=("ipv4-only",)), []),
        (Selection(requirements=("LISTEN-001",)), ["dual-stack", "ipv6-only"]),
        (Selection(requirements=("LISTEN",)), ["dual-stack", "ipv6-only"]),
        (Selection(requirements=("LIST",)), []),
        (Selection(requirements=("LISTEN-002", "CONNECT")), []),
        (Selection(requirements=("CONNECT", "LISTEN-001"), topologies=("dual-stack", "x")), ["dual-stack"]),
    ],
)
def test_selection(tmp_path: Path, selection: Selection, topologies: list[str]) -> None:
    """A selection names topologies, requirements or their groups; an empty part restricts nothing."""
    assert [case.topology for case in plan(tmp_path, LISTEN, require(), selection)] == topologies


def test_ipv6_spellings(tmp_path: Path) -> None:
    """Only literals count: not "*", not an empty text, not ":port"."""
    text = LISTEN + '[listen.bind]\nany = ["*", "", ":8080", "::"]\nipv6_any = "[::]"\nipv6_address = "{address}"\n'
    subject = subjects(tmp_path, text)[0]
    assert ipv6_forms(subject.listen[0]) == ["::", "[::]", "{address}"]


SHIPPED = sorted(path for path in (ROOT / "fixtures" / "services").rglob("*.toml") if path.name != "Cargo.toml")


@cache
def shipped() -> list[PlannedCase]:
    """Return the cases of every manifest that we ship."""
    everything = [subject for path in SHIPPED for subject in subjects_of(path)]
    return [case for requirement in requirements().values() for case in plan_cases(requirement, everything)]


def test_ids_are_unique_and_stable() -> None:
    """Two cases never have one id, and planning again gives the same ids."""
    ids = [case.id for case in shipped()]
    assert len(ids) > 500
    assert len(set(ids)) == len(ids)
    assert ids == [case.id for case in shipped.__wrapped__()]


def test_ids_round_trip() -> None:
    """A key is read from its text, also where that stands in a pytest node id."""
    for case in shipped():
        key = CaseKey.found_in(f"suites/listen/test_x.py::test_y[{case.id}]")
        assert key == case.key
        assert str(key) == case.id
        assert key == CaseKey(case.requirement.id, case.subject.name, case.element, case.topology)


def test_ids_do_not_depend_on_other_requirements(tmp_path: Path) -> None:
    """Leaving a requirement, a listener or a topology out does not change the ids of the other cases."""
    whole = {case.id for case in plan(tmp_path, TWO, require())}
    less = {case.id for case in plan(tmp_path, LISTEN, require(topologies=("ipv6-only",)))}
    assert less < whole


def test_ids_need_no_quoting_in_file_names() -> None:
    """Ids are made of characters that a shell and a file system take, but for the separators."""
    assert all(re.fullmatch(r"[A-Za-z0-9._+/:@-]+", case.id) for case in shipped())


def test_known_cases_alone(tmp_path: Path) -> None:
    """A selection of known cases leaves out every case that the manifest does not name as known."""
    known = '[[known]]\nrequirement = "LISTEN-001"\ntopologies = ["ipv6-only"]\nreason = "It is broken there."\n'
    cases = plan(tmp_path, LISTEN + known, require(), Selection(known_only=True))
    assert [case.topology for case in cases] == ["ipv6-only"]
    assert all(case.known is not None for case in cases)


def test_known_cases_alone_judged_as_if_they_were_not_known(tmp_path: Path) -> None:
    """Both selections together leave the known cases, and none of them is excused."""
    known = '[[known]]\nrequirement = "LISTEN-001"\ntopologies = ["ipv6-only"]\nreason = "It is broken there."\n'
    cases = plan(tmp_path, LISTEN + known, require(), Selection(known_only=True, ignore_known=True))
    assert [case.topology for case in cases] == ["ipv6-only"]
    assert all(case.known is None for case in cases)
