"""What lifecycle and robustness say of services that reload, are silent or slow in ways that are right, or wrong."""

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
from dualstack.suites import requirement
from dualstack.verdict import Verdict, judge
from dualstack.world import ListenerWorld

MANIFEST = """\
schema = 1

[service]
name = "made-up"
directory = {directory!r}
command = ["{{python}}", "-S", "-E", "-B", "-c", '''{script}''']
{more}

[timeouts]
exchange = 3
ready = 2
idle = 2

[[listen]]
name = "echo"
port = 8080
{listen}
"""

TCP = 'protocol = "echo"'

ONE_WAY = """
transport = "udp"
protocol = "oneway"
send = "hello {token}"
received_log = "hello {token}"
multicast = { ipv4 = "239.255.0.9", ipv6 = "ff02::9" }
"""

PRELUDE = """
import os, signal, socket, sys, threading, time
from echoing import accept, dual, echo, listening, pair, serve
"""

CHECKS = {
    "LIFE-008": ("lifecycle.test_reload", "test_reload_keeps_both_families"),
    "LISTEN-018": ("listen.test_kept_connections", "test_second_request_is_answered_alike"),
    "ROBUST-005": ("robustness.test_concurrent_clients", "test_many_concurrent_clients"),
    "ROBUST-009": ("robustness.test_latency", "test_both_families_are_equally_fast"),
    "ROBUST-010": ("robustness.test_idle_connections", "test_idle_connections_live_alike"),
    "ROBUST-011": ("robustness.test_busy_loops", "test_no_busy_loop"),
    "UDP-010": ("udp.test_bursts", "test_bursts_are_answered_alike"),
    "UDP-009": ("udp.test_multicast", "test_multicast_groups_are_joined"),
    "SEC-009": ("security.test_port_sharing", "test_port_cannot_be_shared"),
}

Judged = Callable[..., tuple[Verdict, str, list[str]]]


@pytest.fixture
def judged(backend: NetnsBackend, tmp_path: Path) -> Judged:
    """Return a function that verifies a script with `PRELUDE` before it; it returns verdict, reason and findings."""

    def verify(name: str, script: str, more: str = "", listen: str = TCP) -> tuple[Verdict, str, list[str]]:
        path = tmp_path / "service.toml"
        zoo = str(ROOT / "fixtures" / "services" / "zoo")
        text = MANIFEST.format(directory=zoo, script=f"{PRELUDE}\n{script}", more=more, listen=listen)
        path.write_text(text, encoding="utf-8")
        (case,) = plan_cases(requirement(name), subjects_of(path))
        assert not case.not_applicable
        module, test = CHECKS[name]
        error = None
        world = ListenerWorld(case, backend, tmp_path)
        try:
            with world:
                getattr(importlib.import_module(f"dualstack.content.suites.{module}"), test)(world)
                world.conclude()
        except DualstackError as raised:
            error = raised
        verdict = judge(requirement(name).level, error)
        return verdict, str(error or ""), [finding.happened for finding in world.findings]

    return verify


ENDS = "signal.signal(signal.SIGHUP, lambda *_: os._exit(3))\nserve(dual(8080))"

LOSES_IPV6 = """
listeners = pair(8080)
def reload(*_):
    listeners[1].shutdown(socket.SHUT_RDWR)
    listeners[1].close()
def quietly(listener):
    try: accept(listener, echo)
    except OSError: pass
signal.signal(signal.SIGHUP, reload)
for listener in listeners: threading.Thread(target=quietly, args=(listener,), daemon=True).start()
while True: signal.pause()
"""

LATE = """
signal.signal(signal.SIGHUP, lambda *_: threading.Timer(0.4, reload).start())
""".join(LOSES_IPV6.split("signal.signal(signal.SIGHUP, reload)"))


def test_sighup_without_a_word_in_the_manifest(judged: Judged) -> None:
    """It may end the service, or mean nothing to it; where it is handled and takes a family away, that is found."""
    verdict, _, (happened,) = judged("LIFE-008", "serve(dual(8080))")
    assert (verdict, happened) == (Verdict.PASS, "SIGHUP does not make it reload, and its manifest names nothing else")
    verdict, _, (happened,) = judged("LIFE-008", ENDS)
    assert (verdict, happened) == (Verdict.PASS, "it exited with code 3")
    for script in (LOSES_IPV6, LATE):
        verdict, reason, _ = judged("LIFE-008", script)
        assert verdict is Verdict.FAIL
        assert "an IPv6 client is answered at" in reason


def test_a_reload_that_the_manifest_names(judged: Judged) -> None:
    """A signal that is declared must not end the service; a command is run, and one that fails shows nothing."""
    verdict, reason, _ = judged("LIFE-008", ENDS, 'reload = "SIGHUP"')
    assert verdict is Verdict.FAIL
    assert "the service runs on after the reload; happened: it exited with code 3" in reason
    command = "import os, signal; os.kill(3, signal.SIGHUP)"
    script = "print('mine is', os.getpid(), flush=True)\n" + LOSES_IPV6
    verdict, reason, _ = judged("LIFE-008", script, f'reload = ["{{python}}", "-c", "{command}"]')
    assert verdict is Verdict.FAIL, reason
    verdict, reason, _ = judged("LIFE-008", script, 'reload = ["{python}", "-c", "raise SystemExit(7)"]')
    assert verdict is Verdict.INCONCLUSIVE
    assert reason.startswith("the reload command exited with code 7: ")


HURRIED = """
def hurried(client, address):
    client.settimeout(SECONDS[":" in address])
    echo(client, address)
one, *others = pair(8080)
for listener in others: threading.Thread(target=accept, args=(listener, hurried), daemon=True).start()
accept(one, hurried)
"""


def test_idle_times_are_the_services_choice(judged: Judged) -> None:
    """The same time-out for both families is right, however short; another one for either deviates."""
    verdict, _, happened = judged("ROBUST-010", f"SECONDS = (0.5, 0.5)\n{HURRIED}")
    assert verdict is Verdict.PASS
    assert all("ended by the service after 0." in text for text in happened)
    for seconds in ((0.3, None), (None, 0.3)):
        verdict, reason, _ = judged("ROBUST-010", f"SECONDS = {seconds}\n{HURRIED}")
        assert verdict is Verdict.DEVIATES
        assert "connections on which nothing was sent are kept equally long over both families" in reason
        assert "connections after an exchange are kept equally long over both families" in reason


BUSY_SERVER = """
from echoing import head_of_request
present, lock = {}, threading.Lock()
def limited(client, address):
    key = KEY
    with client:
        if not head_of_request(client): return
        with lock:
            present[key] = present.get(key, 0) + 1
            busy = present[key] > MOST.get(key, 1000)
        time.sleep(0 if busy else 0.3)
        with lock: present[key] -= 1
        head = f"HTTP/1.1 {STATUS if busy else 200} Status\\r\\nContent-Length: 0\\r\\nConnection: close"
        client.sendall(head.encode() + b"\\r\\n\\r\\n")
serve(*LISTENERS, client=limited)
"""


def limited(key: str, most: str, status: int, listeners: str) -> str:
    """Return an HTTP server that answers a status to the clients of a key if there are too many of them."""
    changes = {"KEY": key, "MOST": most, "STATUS": str(status), "LISTENERS": listeners}
    script = BUSY_SERVER
    for name, value in changes.items():
        script = script.replace(name, value)
    return script


@pytest.mark.parametrize("listeners", ["[dual(8080)]", "pair(8080)"])
def test_a_limit_for_all_clients_is_the_services_choice(judged: Judged, listeners: str) -> None:
    """A service that turns the clients of both families away by 503 or 429 serves them alike."""
    for status in (503, 429):
        script = limited("'all'", "{'all': 60}", status, listeners)
        verdict, reason, happened = judged("ROBUST-005", script, listen='protocol = "http"')
        assert verdict is Verdict.PASS, reason
        assert "got a status that says that there are too many clients" in happened[0]


@pytest.mark.parametrize(("family", "label"), [(4, "IPv4"), (6, "IPv6")])
def test_a_limit_for_one_family_is_found(judged: Judged, family: int, label: str) -> None:
    """A service that turns away only clients of one family by 503, or by 403, breaks ROBUST-005."""
    key = "6 if ':' in address.removeprefix('::ffff:') else 4"
    for status in (503, 403):
        script = limited(key, f"{{{family}: 60}}", status, "[dual(8080)]")
        verdict, reason, _ = judged("ROBUST-005", script, listen='protocol = "http"')
        assert verdict is Verdict.FAIL
        assert "concurrent clients of both families get error statuses alike" in reason
        assert re.search(rf"over {label} \d+ clients get status 200, \d+ clients get status {status}", reason), reason


KEEPING = """
from echoing import head_of_request
def keeping(client, address):
    number = 0
    with client:
        while head_of_request(client):
            number += 1
            if number > ANSWERS[":" in address]: return time.sleep(PAUSE)
            client.sendall(b"HTTP/1.1 200 OK" + FIELDS + b"\\r\\nContent-Length: 0\\r\\n\\r\\n")
serve(*pair(8080), client=keeping)
"""


def keeping(ipv4: int, ipv6: int, fields: str = "", pause: float = 0.0) -> str:
    """Return an HTTP server that gives so many answers on a connection, and then ends it after a pause."""
    changes = {"ANSWERS": str((ipv4, ipv6)), "FIELDS": f"b'{fields}'", "PAUSE": str(pause)}
    script = KEEPING
    for name, value in changes.items():
        script = script.replace(name, value)
    return script


def test_second_requests_are_compared(judged: Judged) -> None:
    """Both families may use a connection again, or neither; one family alone is worse off, also if it waits in vain."""
    http = 'protocol = "http"'
    for script in (keeping(9, 9), keeping(1, 1), keeping(1, 1, "\\r\\nConnection: close")):
        verdict, reason, _ = judged("LISTEN-018", script, listen=http)
        assert verdict is Verdict.PASS, reason
    for script, label in ((keeping(9, 1), "IPv6"), (keeping(1, 9), "IPv4"), (keeping(9, 1, pause=9.0), "IPv6")):
        verdict, reason, _ = judged("LISTEN-018", script, listen=http)
        assert verdict is Verdict.FAIL
        assert reason.endswith(f"the {label} client is worse off")


def test_idle_times_after_an_answer_of_http(judged: Judged) -> None:
    """A server that ends kept connections of one family soon after an answer deviates, although both wait before it."""
    script = keeping(9, 9).replace("number += 1", 'number += 1; client.settimeout(0.3 if ":" in address else 60)')
    verdict, reason, _ = judged("ROBUST-010", script, listen='protocol = "http"')
    assert verdict is Verdict.DEVIATES
    assert "connections after an exchange are kept equally long over both families" in reason
    assert "on which nothing was sent" not in reason


SLOW = """
def slowly(client, address):
    time.sleep({0})
    echo(client, address)
serve(dual(8080), client=slowly)
"""

CACHED = """
seen = set()
def first(client, address):
    if ":" in address.removeprefix("::ffff:") and address not in seen:
        seen.add(address)
        time.sleep(1.5)
    echo(client, address)
serve(dual(8080), client=first)
"""


def test_latency_is_compared_and_not_limited(judged: Judged) -> None:
    """A service may be slow over both families; one that is slower over one deviates, if only at a first exchange."""
    assert judged("ROBUST-009", SLOW.format("0.15"))[0] is Verdict.PASS
    verdict, reason, _ = judged("ROBUST-009", SLOW.format("0.3 * ('.' in address)"))
    assert verdict is Verdict.DEVIATES
    slower = re.search(r"IPv4 is slower by (\d+)", reason)
    assert slower is not None, reason
    assert int(slower[1]) in range(250, 350)
    verdict, reason, _ = judged("ROBUST-009", CACHED)
    assert verdict is Verdict.DEVIATES
    assert "the first exchange of a client is not slower by more than 1 s over one family" in reason


BUSY = """
def busy():
    while True: pass
"""

REPENTANT = """
def later(client, address):
    echo(client, address)
    end = time.monotonic() + 0.8
    while time.monotonic() < end: pass
serve(dual(8080), client=later)
"""


def test_what_was_busy_before_or_rests_soon_is_no_loop(judged: Judged) -> None:
    """A service that is busy from its start on is as it was, and one that rests again after a while does right."""
    verdict, _, (happened, *_) = judged("ROBUST-011", BUSY + "threading.Thread(target=busy).start()\nserve(dual(8080))")
    assert verdict is Verdict.PASS, happened
    assert re.search(r"ran (9\d|100)% of the time before, (9\d|100)% while an IPv4 client is idle", happened), happened
    verdict, reason, _ = judged("ROBUST-011", REPENTANT)
    assert verdict is Verdict.PASS, reason


RECEIVER = """
service = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
service.bind(("::", 8080))
service.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.255.0.9") + bytes(4))
group = socket.inet_pton(socket.AF_INET6, "ff02::9")
service.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + (NUMBER).to_bytes(4, "little"))
while True: print(service.recv(4096).decode(), flush=True)
"""


def test_what_a_one_way_service_hears_of_its_groups(judged: Judged) -> None:
    """A group counts as joined when the output shows what was sent to it; one that is joined on lo alone does not."""
    joined = RECEIVER.replace("NUMBER", 'socket.if_nametoindex("eth0")')
    verdict, reason, _ = judged("UDP-009", joined, listen=ONE_WAY)
    assert verdict is Verdict.PASS, reason
    verdict, reason, _ = judged("UDP-009", RECEIVER.replace("NUMBER", 'socket.if_nametoindex("lo")'), listen=ONE_WAY)
    assert verdict is Verdict.FAIL
    assert reason.startswith("expected: a datagram to the IPv6 group [ff02::9]:8080 arrives")
