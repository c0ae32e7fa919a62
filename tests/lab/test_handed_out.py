"""What META-001, META-007 and META-008 say of services that hand out, keep or redirect to all kinds of addresses."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.errors import DualstackError
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import subjects_of
from dualstack.plan import plan_cases
from dualstack.requirement import Level, Requirement
from dualstack.suites import requirement
from dualstack.verdict import Verdict, judge
from dualstack.world import ListenerWorld

MANIFEST = """\
schema = 1

[service]
name = "made-up"
directory = {directory!r}
command = ["{{python}}", "-S", "-E", "-B", "-c", '''{script}''']

[timeouts]
exchange = 1

[[listen]]
name = "made-up"
port = 8080
protocol = "exchange"
send = "where"
expect = "serve"

[listen.advertises]
{keys}
"""

OWN = """
from advertising import run
run(8080, lambda client: {address})
"""

ENDPOINTS = "test_endpoints.test_addresses_are_usable"
FIELDS = "test_fields.test_fields_hold_every_address"

Judged = Callable[..., tuple[Verdict, str]]


@pytest.fixture
def judged(backend: NetnsBackend, tmp_path: Path) -> Judged:
    """Return a function that verifies a service with META-001 on the dual-stack topology, or with another requirement.

    The service answers with an address, or is a script that the test gives.
    """

    def verify(
        address: str,
        keys: str = "pattern = 'serve (?P<host>\\S+) (?P<port>\\d+)'",
        own: str = "",
        name: str = ENDPOINTS,
    ) -> tuple[Verdict, str]:
        path = tmp_path / "service.toml"
        zoo = str(ROOT / "fixtures" / "services" / "zoo")
        text = MANIFEST.format(directory=zoo, script=own or OWN.format(address=address), keys=keys)
        path.write_text(text, encoding="utf-8")
        module, _, function = name.partition(".")
        test = getattr(importlib.import_module(f"dualstack.content.suites.advertise.{module}"), function)
        found = Requirement.of(test)
        assert found is not None
        assert found is requirement(found.id)
        (case,) = (item for item in plan_cases(found, subjects_of(path)) if dual(item.topology))
        error = None
        try:
            with ListenerWorld(case, backend, tmp_path) as world:
                test(world)
                world.conclude()
        except DualstackError as raised:
            error = raised
        return judge(Level.MUST, error), str(error or "")

    return verify


def dual(topology: str) -> bool:
    """Return whether a topology is the ordinary one."""
    return topology == "dual-stack"


LOCAL = "client.getsockname()[0]"


@pytest.mark.parametrize("address", [LOCAL, '"a-ok.aaaa-ok.service.lab.test"', '"A-OK.aaaa-ok.service.lab.test."'])
def test_right_addresses(judged: Judged, address: str) -> None:
    """The address that the client used is right, and a name that has an address of its family."""
    assert judged(address) == (Verdict.PASS, "")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f'f"[{{{LOCAL}}}]"', "it has brackets"),
        (f'"::ffff:" + ({LOCAL} if "." in {LOCAL} else "192.0.2.1")', "it is IPv4-mapped"),
        (f'{LOCAL} if "." in {LOCAL} else "127.0.0.1"', "happened: it is an IPv4 address, and the client has IPv6"),
        (f'{LOCAL} if ":" in {LOCAL} else "198.51.100.77"', "198.51.100.77"),
        ('"localhost"', "the name means 127.0.0.1 to the client: it is a loopback address"),
        ('"a-ok.service.lab.test"', "the client's host finds no IPv6 address of the name"),
        ('"aaaa-ok.service.lab.test"', "the client's host finds no IPv4 address of the name"),
        ('"nobody"', "the client's host finds no IPv4 address of the name"),
    ],
)
def test_wrong_addresses(judged: Judged, address: str, reason: str) -> None:
    """Each address that a client cannot use fails, with its reason; so does one where nothing answers."""
    verdict, found = judged(address)
    assert verdict is Verdict.FAIL
    assert reason in found


def test_a_port_that_is_closed(judged: Judged) -> None:
    """The right address with a port on which nothing listens fails."""
    verdict, reason = judged(LOCAL, "pattern = 'serve (?P<host>\\S+)'\nport = 8099")
    assert verdict is Verdict.FAIL
    assert "ECONNREFUSED" in reason or "refused" in reason


def test_a_port_that_does_not_exist(judged: Judged) -> None:
    """A number beyond the last port fails, and is not dialled."""
    verdict, reason = judged(f'{LOCAL} + " 80808"', "pattern = 'serve (?P<host>\\S+) (?P<port>\\d+)'")
    assert verdict is Verdict.FAIL
    assert "there is no port 80808" in reason


def test_an_address_and_a_port_without_brackets(judged: Judged) -> None:
    """Address, colon and port are read as such: it is said that brackets are missing, not that nothing answers."""
    verdict, reason = judged(f'{LOCAL} + ":8080"', "pattern = 'serve (?P<host>\\S+)'")
    assert verdict is Verdict.FAIL
    assert "the IPv6 address lacks brackets" in reason
    assert re.search(r'an IPv6 client can use "[0-9a-f:]+:8080", which the answer hands out', reason)


def test_an_expression_that_never_matches_proves_nothing(judged: Judged) -> None:
    """If no answer has an address where the manifest says that one is, the case is inconclusive."""
    verdict, reason = judged(LOCAL, "pattern = 'broker (?P<host>\\S+)'")
    assert (verdict, reason) == (
        Verdict.INCONCLUSIVE,
        "no answer holds an address where [listen.advertises] says that one is",
    )


def test_another_request_has_another_answer(judged: Judged) -> None:
    """With ``request`` the answer need not match ``expect``, which is about what an ordinary client sends."""
    keys = "request = 'nodes'\npattern = 'serve (?P<host>\\S+) (?P<port>\\d+)'"
    assert judged(LOCAL, keys) == (Verdict.PASS, "")
    verdict, reason = judged(LOCAL, "request = 'nodes'\npattern = 'broker (?P<host>\\S+)'")
    assert verdict is Verdict.INCONCLUSIVE
    assert reason.startswith("no answer holds an address")


def test_an_answer_of_another_form_proves_nothing(judged: Judged) -> None:
    """An answer that is no JSON is inconclusive, although the manifest says that it is."""
    verdict, reason = judged(LOCAL, 'json_path = "$.host"')
    assert verdict is Verdict.INCONCLUSIVE
    assert reason == "listen 'made-up', advertises: in the answer it holds no JSON object or list"


def test_an_address_for_one_family_only(judged: Judged) -> None:
    """If clients of one family get an address, and those of the other none, the other ones cannot continue."""
    verdict, reason = judged(LOCAL, "pattern = 'serve (?P<host>[0-9.]+) (?P<port>\\d+)'")
    assert verdict is Verdict.FAIL
    assert "the answer to an IPv6 client hands out an address; happened: it hands out 0" in reason


KEEPING = """
import os
from echoing import pair, serve

def answer(client, _):
    with client:
        while data := client.recv(65536):
            text = data.decode()
            {unless}
            client.sendall(("serve " + text).encode())

serve(*pair(8080), client=answer)
"""

FIELD = """\
pattern = 'serve (?P<host>x)'

[[listen.field]]
name = "peer"
request = "set {address}"
answer = 'set (\\S+)'
refusal = 'no'
"""


def test_a_field_that_holds_every_address(judged: Judged) -> None:
    """A service that returns what it was given passes, so that the verdicts below are about what they change."""
    assert judged("", FIELD, KEEPING.format(unless=""), FIELDS) == (Verdict.PASS, "")


@pytest.mark.parametrize(
    ("unless", "reason"),
    [
        (
            'if "2001" in text: os._exit(3)',
            "expected: the service runs on after addresses in the fields of its messages",
        ),
        ('if ":" in text: continue', "2001:db8:1234:5678:9abc:def0:8765:4321"),
        ('if "2001" in text: text = "no"', "expected: peer returns 2001:db8:1234:5678:9abc:def0:8765:4321"),
        ('text = text.partition("%")[0]', 'happened: "fe80::51" comes back, without the zone eth0'),
        ('text = text.replace("192.0.2.177", "177.2.0.192")', "the same bytes in reverse order"),
        ('if text == "set ::": text = "set 0.0.0.0"', 'happened: "0.0.0.0" comes back'),
    ],
)
def test_fields_that_do_not(judged: Judged, unless: str, reason: str) -> None:
    """A service that ends, is silent, refuses an ordinary address, or returns another one, fails with that reason."""
    verdict, found = judged("", FIELD, KEEPING.format(unless=unless), FIELDS)
    assert verdict is Verdict.FAIL
    assert reason in found


def test_a_refusal_of_unusual_addresses(judged: Judged) -> None:
    """IPv4-mapped and unspecified addresses may be refused."""
    unless = 'if "ffff" in text or text == "set ::": text = "no"'
    assert judged("", FIELD, KEEPING.format(unless=unless), FIELDS) == (Verdict.PASS, "")


CAMERA = """\
schema = 1

[service]
name = "camera"
directory = {directory!r}
command = ["{{python}}", "-I", "-S", "camera.py", "{{port}}", {mode!r}]

[timeouts]
exchange = {seconds}

[[listen]]
name = "rtsp"
port = 8554
protocol = "rtsp"
"""


@pytest.mark.parametrize(
    ("mode", "seconds", "reason"),
    [
        ("", 5, ""),
        ("ipv4-medium", 1, "an IPv6 client gets the medium in datagrams; happened: no packet of the medium came"),
        ("other-source", 5, "the client has IPv6"),
    ],
)
def test_media_in_datagrams(backend: NetnsBackend, tmp_path: Path, mode: str, seconds: int, reason: str) -> None:
    """META-009: a medium that does not arrive, or that is said to come from another family's address, fails."""
    directory = str(ROOT / "fixtures" / "services" / "named" / "rtsp")
    text = CAMERA.format(directory=directory, mode=mode, seconds=seconds)
    verdict, found = verified(text, "META-009", "test_rtsp.test_media_in_datagrams", backend, tmp_path)
    assert verdict is (Verdict.FAIL if reason else Verdict.PASS)
    assert reason in found
    assert "an IPv4 client gets" not in found


def verified(text: str, name: str, test: str, backend: NetnsBackend, folder: Path) -> tuple[Verdict, str]:
    """Return the verdict on the service of a manifest on the dual-stack topology, and its reason."""
    path = folder / "service.toml"
    path.write_text(text, encoding="utf-8")
    module, _, function = test.partition(".")
    suite = importlib.import_module(f"dualstack.content.suites.advertise.{module}")
    (case,) = (item for item in plan_cases(requirement(name), subjects_of(path)) if dual(item.topology))
    error = None
    try:
        with ListenerWorld(case, backend, folder) as world:
            getattr(suite, function)(world)
            world.conclude()
    except DualstackError as raised:
        error = raised
    return judge(Level.MUST, error), str(error or "")


REDIRECTING = """\
schema = 1

[service]
name = "redirecting"
directory = {directory!r}
command = ["{{python}}", "-S", "-E", "-B", "-c", '''
import struct
from echoing import pair, serve
def frame(kind, flags, stream, body):
    return struct.pack("!I", len(body))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + body
def text(value):
    return bytes([len(value)]) + value.encode()
def answer(client, _):
    with client:
        received = client.recv(65536)
        own = client.getsockname()[0]
        location = "{scheme}://" + ({host}) + ":8081/new"
        if "{scheme}" == "http":
            head = bytes(1) + text(":status") + text("302") + bytes(1) + text("location") + text(location)
            client.sendall(frame(4, 0, 0, b"") + frame(1, 5, 1, head))
            client.recv(65536)
        else:
            head = ["HTTP/1.1 307 Moved", "Location: " + location, "Content-Length: 0", "", ""]
            client.sendall("\\r\\n".join(head).encode())
serve(*pair(8080), *pair(8081), client=answer)
''']

[[listen]]
name = "moved"
port = 8080
protocol = {protocol!r}

[listen.advertises]
request = "/old"
"""


@pytest.mark.parametrize(("protocol", "scheme"), [("http2", "http"), ("websocket", "ws")])
@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ('"[%s]" % own if ":" in own else own', ""),
        ("own", "the IPv6 address lacks brackets"),
        ('"198.51.100.1"', "the client has IPv6"),
    ],
    ids=["right", "plain", "ipv4"],
)
def test_redirects_of_other_protocols(  # noqa: PLR0917 - fixtures and parameters
    backend: NetnsBackend, tmp_path: Path, protocol: str, scheme: str, host: str, reason: str
) -> None:
    """META-008 reads the Location of a response in HTTP/2, and of a handshake that is not accepted."""
    zoo = str(ROOT / "fixtures" / "services" / "zoo")
    text = REDIRECTING.format(directory=zoo, protocol=protocol, scheme=scheme, host=host)
    test = "test_self_references.test_self_references_can_be_used"
    verdict, found = verified(text, "META-008", test, backend, tmp_path)
    assert verdict is (Verdict.FAIL if reason else Verdict.PASS), found
    assert reason in found


ANSWERING = """\
schema = 1

[service]
name = "made-up"
directory = {directory!r}
command = ["{{python}}", "-S", "-E", "-B", "-c", '''
import contextlib, re
from echoing import head_of_request, pair, serve

def answer(client, _):
    with client, contextlib.suppress(OSError):
        host = re.search(rb"(?im)^host: *([^\\r]*)", head_of_request(client))
        status = b"200 OK" if host and {taken} else b"400 Bad Request"
        client.sendall(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")

serve(*pair(8080), client=answer)
''']

[[listen]]
name = "made-up"
port = 8080
protocol = "http"

[listen.advertises]
request = "/"
"""


@pytest.mark.parametrize(
    ("taken", "verdict", "reason"),
    [
        pytest.param('b"[" not in host[1]', Verdict.FAIL, "198.51.100.1:8080 is accepted", id="no brackets"),
        pytest.param('host[1] == b"www.example.org"', Verdict.NOT_APPLICABLE, "addresses in Host alike", id="one name"),
    ],
)
def test_refused_hosts(backend: NetnsBackend, tmp_path: Path, taken: str, verdict: Verdict, reason: str) -> None:
    """META-008 judges a refused host only if the service takes the address of the other family there."""
    text = ANSWERING.format(directory=str(ROOT / "fixtures" / "services" / "zoo"), taken=taken)
    test = "test_self_references.test_self_references_can_be_used"
    found, said = verified(text, "META-008", test, backend, tmp_path)
    assert found is verdict, said
    assert reason in said
