"""What SEC-006 says of services that fetch nothing, die, hang or are late, and of a canary whose port is closed."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.errors import DualstackError
from dualstack.families import Family
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import subjects_of
from dualstack.plan import plan_cases
from dualstack.prober.messages import Serve
from dualstack.requirement import Level
from dualstack.suites import requirement
from dualstack.verdict import Verdict, judge
from dualstack.world import ListenerWorld
from dualstack.world.fetching import Fetching
from dualstack.world.servers import Canary

SUITE = "dualstack.content.suites.security.test_fetched_targets"

MANIFEST = """\
schema = 1

[service]
name = "made-up"
directory = {directory!r}
command = ["{{python}}", "-S", "-E", "-B", "-c", '''{script}''', "{{port}}"]

[timeouts]
exchange = 1

[[listen]]
name = "http"
port = 8080
protocol = "http"

[listen.fetch]
request = "/fetch?url={{url}}"
{fetch}
"""

PRELUDE = """
import os, signal, socket, sys, threading
from fetching import connected, is_loopback, resolved, run

def allowed(host, port):
    found = [item for item in resolved(host, port) if not is_loopback(item)]
    if not found:
        refuse()
    return found

def refuse():
    raise PermissionError

def connect(host, port):
    return connected(allowed(host, port))
"""

CORRECT = ""

Judged = Callable[..., tuple[Verdict, str]]


@pytest.fixture
def judged(backend: NetnsBackend, tmp_path: Path) -> Judged:
    """Return a function that verifies a service, a script with `PRELUDE` before it; it returns verdict and reason."""

    def verify(script: str, fetch: str = "") -> tuple[Verdict, str]:
        path = tmp_path / "service.toml"
        zoo = str(ROOT / "fixtures" / "services" / "zoo")
        text = MANIFEST.format(directory=zoo, script=f"{PRELUDE}\n{script}\nrun(connect)\n", fetch=fetch)
        path.write_text(text, encoding="utf-8")
        (case,) = plan_cases(requirement("SEC-006"), subjects_of(path))
        assert not case.not_applicable
        error = None
        try:
            with ListenerWorld(case, backend, tmp_path) as world:
                importlib.import_module(SUITE).test_refused_targets_are_not_fetched(world)
                world.conclude()
        except DualstackError as raised:
            error = raised
        return judge(Level.MUST, error), str(error or "")

    return verify


def test_a_correct_service_passes(judged: Judged) -> None:
    """A service that checks what it connects to passes, so that the verdicts below are about what they change."""
    assert judged(CORRECT) == (Verdict.PASS, "")


def test_a_service_that_fetches_nothing_is_not_called_safe(judged: Judged) -> None:
    """It refuses whatever it is asked, so that it refuses loopback targets shows nothing."""
    verdict, reason = judged("def connect(host, port): refuse()")
    assert verdict is Verdict.INCONCLUSIVE
    assert reason.startswith("it does not fetch http://198.51.100.33:8000/ and http://[2001:db8:51:1::201]:8000/ and ")


IPV4_ONLY = """
def connect(host, port):
    return connected([item for item in allowed(host, port) if item[0] == socket.AF_INET])
"""


def test_every_family_has_a_control(judged: Judged) -> None:
    """One that fetches nothing over IPv6 has not shown that it refuses IPv6 spellings, unless it claims IPv4 only."""
    verdict, reason = judged(IPV4_ONLY)
    assert verdict is Verdict.INCONCLUSIVE
    assert "http://[2001:db8:51:1::201]:8000/" in reason
    assert "198.51.100.33" not in reason
    assert judged(IPV4_ONLY, 'families = ["ipv4"]') == (Verdict.PASS, "")


LITERALS_ONLY = """
def connect(host, port):
    if host.endswith(".lab.test"):
        refuse()
    return connected(allowed(host, port))
"""


def test_names_have_a_control(judged: Judged) -> None:
    """One that takes no names has not shown that it sees through them, unless it says that it takes none."""
    assert judged(LITERALS_ONLY)[0] is Verdict.INCONCLUSIVE
    assert judged(LITERALS_ONLY, "names = false") == (Verdict.PASS, "")


def test_a_name_that_is_not_looked_up_shows_nothing(judged: Judged) -> None:
    """Refusing names for their text says nothing of their addresses: the name server was never asked."""
    verdict, reason = judged(LITERALS_ONLY.replace('.endswith(".lab.test")', '.startswith("a-rebind")'))
    assert verdict is Verdict.INCONCLUSIVE
    assert reason.count("it never asked for the address of a-rebind-") == 2


NO_MORE = """
refused = []

def refuse():
    refused.append(True)
    raise PermissionError

def connect(host, port):
    if refused:
        refuse()
    return connected(allowed(host, port))
"""

LATE = """
def late(*_):
    connected([(socket.AF_INET6, ("::1", 8000))])
    os._exit(0)

signal.signal(signal.SIGTERM, late)
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("def refuse(): os._exit(3)", "exited with code 3"),
        ("def refuse(): threading.Event().wait()", "nothing more came within 1 s"),
        (NO_MORE, "it does not fetch http://198.51.100.33:8000/ and "),
        (LATE, "nothing else reaches its own host; happened: the canary was connected to at ::1"),
    ],
    ids=["dies", "hangs", "fetches-no-more", "connects-late"],
)
def test_refusing_does_no_harm(judged: Judged, script: str, said: str) -> None:
    """A service that ends, hangs or fetches no more once it has refused something fails; so does a late connection."""
    verdict, reason = judged(script)
    assert verdict is Verdict.FAIL
    assert said in reason


PRIVATE = """
def connect(host, port):
    found = [item for item in allowed(host, port) if not item[1][0].startswith(("10.", "fd", "::ffff:10."))]
    if not found:
        refuse()
    return connected(found)
"""


def test_an_allowed_target_is_found_where_the_link_is_private(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the peer's IPv4 address is one of those that are refused, another one is the control, and as good."""
    monkeypatch.setattr("dualstack.world.fetching.is_private", lambda _: True)
    refused = 'also_refuses = ["private"]'
    assert judged(PRIVATE, refused) == (Verdict.PASS, "")
    verdict, reason = judged(PRIVATE.replace('"::ffff:10."', '"::ffff:10.", "203."'), refused)
    assert verdict is Verdict.INCONCLUSIVE
    assert "it does not fetch http://203.0.113.33:8000/ and http://a-ok.aaaa-none." in reason
    assert judged(PRIVATE.replace('"fd"', '"fe"'), refused)[0] is Verdict.FAIL


ANSWERS_FIRST = """
def fetch_later(host, port):
    threading.Event().wait(0.3)
    connected(found(host, port)).close()

def connect(host, port):
    threading.Thread(target=fetch_later, args=(host, port)).start()
    raise PermissionError
"""


def test_a_service_may_answer_first(judged: Judged) -> None:
    """What is fetched once the client has its answer is waited for, and found although another target was asked for."""
    assert judged(ANSWERS_FIRST.replace("found", "allowed")) == (Verdict.PASS, "")
    verdict, reason = judged(ANSWERS_FIRST.replace("found", "resolved"))
    assert verdict is Verdict.FAIL
    assert "the canary was connected to at" in reason


MAPPED_MISSED = """
def follow(host, port):
    if host.startswith(("127.", "0", "::1", "localhost", "2130706433")) or host in ("0:0:0:0:0:0:0:1", "::"):
        refuse()
    return connected(resolved(host, port))
run(connect, follow)
"""

LATE_FOR_LAST = """
last = []

def connect(host, port):
    if last:
        connected(resolved("::1", port)).close()
    if host.startswith("a-none.aaaa-rebind-2"):
        last.append(host)
    return connected(allowed(host, port))
"""


def test_what_comes_among_the_last_controls_counts(judged: Judged) -> None:
    """A connection that the last of the refused targets led to may come when allowed ones are asked for again."""
    verdict, reason = judged(LATE_FOR_LAST)
    assert verdict is Verdict.FAIL
    assert reason.endswith("nothing else reaches its own host; happened: the canary was connected to at ::1")


def test_what_reaches_the_canary_counts_without_a_control(judged: Judged) -> None:
    """A service that fetches from its own host alone fails, although it fetches nothing that is allowed."""
    verdict, reason = judged("def connect(host, port): return connected([(socket.AF_INET, ('127.0.0.1', 8000))])")
    assert verdict is Verdict.FAIL
    assert "the canary was connected to at 127.0.0.1" in reason


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("run(connect, lambda host, port: connected(resolved(host, port)))", Verdict.FAIL),
        ("run(connect, connect)", Verdict.PASS),
        (MAPPED_MISSED, Verdict.FAIL),
    ],
    ids=["unchecked", "checked", "checked-as-text"],
)
def test_a_redirect_of_an_allowed_server(judged: Judged, script: str, verdict: Verdict) -> None:
    """It must not lead to what is refused, in any spelling; what is asked for by itself is refused all the same."""
    found, reason = judged(script)
    assert found is verdict
    if verdict is Verdict.FAIL:
        assert {part.partition(" ")[0] for part in reason.split("expected: ")[1:]} == {"redirected"}
        assert "[::ffff:127.0.0.1]:8000/" in reason


def test_redirects_have_every_status(judged: Judged) -> None:
    """A service that follows only one of the five statuses without a check is found."""
    for status in ("301", "302", "303", "307", "308"):
        script = f"""
import re
import fetching
pages = fetching._page
def page(upstream, host, path):
    found = pages(upstream, host, path)
    return found if b"HTTP/1.1 {status} " in found or b"HTTP/1.1 200 " in found else b"HTTP/1.1 200 OK\\r\\n\\r\\n"
fetching._page = page
run(connect, lambda host, port: connected(resolved(host, port)))
"""
        verdict, reason = judged(script)
        assert verdict is Verdict.FAIL
        assert f"expected: redirected ({status}) by an allowed server to http://127.0.0.1:8000/, " in reason


def test_a_canary_that_does_not_hear_is_no_witness(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary that listens elsewhere is noticed before the service is started: nothing is said of the service."""
    monkeypatch.setattr(Family, "wildcard", property(lambda family: family.loopback))
    verdict, reason = judged(CORRECT)
    assert verdict is Verdict.INCONCLUSIVE
    assert reason == "the canary on the service's host accepts no connection at 127.0.0.2"


def test_a_canary_that_goes_deaf_is_no_witness(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary that stops to hear half-way is noticed at the end: what it did not see is no pass."""
    original = Fetching.controls

    def deafen(fetching: Fetching) -> list[str]:
        inside: Canary = fetching._inside
        inside._serving.close()
        inside._serving = fetching._world.host.prober.serve(Serve(("127.0.0.1",), 8001))
        inside._seen = 0
        return original(fetching)

    monkeypatch.setattr(Fetching, "controls", deafen)
    verdict, reason = judged(CORRECT)
    assert verdict is Verdict.INCONCLUSIVE
    assert reason.startswith("at the end the canary accepted no connection at 127.0.0.1 and ::ffff:127.0.0.1 and ")
