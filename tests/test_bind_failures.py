"""How a service that cannot bind its port in one family is judged: by its end, its output and its sockets."""

import importlib

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Exit, SocketRow
from dualstack.world.complaints import in_use_line, naming_line, new_lines

suite = importlib.import_module("dualstack.content.suites.listen.test_bind_failure")

OTHER = SocketRow("ipv4", "tcp", "LISTEN", "0.0.0.0", 8080, "", v6only=None, owner="server(7)")
NAMED, WORD = "bind: Address already in use", "Server Exiting with code 1"
ENDED, CLEANLY, CRASHED = Exit(1), Exit(0), Exit(None, "SIGABRT")


@pytest.mark.parametrize(
    ("how", "serves", "said", "partial", "verdict"),
    [
        pytest.param(ENDED, False, [NAMED], False, "ok", id="ends and names the error"),
        pytest.param(ENDED, False, [WORD], False, "ok", id="ends with a status and its own word"),
        pytest.param(ENDED, False, [], False, "MUST", id="ends with a status, silently"),
        pytest.param(CRASHED, False, [WORD], False, "ok", id="is ended by a signal, with a word"),
        pytest.param(CRASHED, False, [], False, "MUST", id="is ended by a signal, silently"),
        pytest.param(CLEANLY, False, [NAMED], False, "ok", id="ends with status 0 and names the error"),
        pytest.param(CLEANLY, False, [WORD], False, "MUST", id="ends with status 0, like a success"),
        pytest.param(None, False, [NAMED], False, "ok", id="runs without listening and names the error"),
        pytest.param(None, False, [WORD], False, "MUST", id="runs without listening and does not say why"),
        pytest.param(None, True, [NAMED], False, "SHOULD", id="serves the other family and names the error"),
        pytest.param(CLEANLY, True, [NAMED], False, "SHOULD", id="the same, in the background"),
        pytest.param(None, True, [], False, "MUST", id="serves the other family silently"),
        pytest.param(None, True, [NAMED], True, "ok", id="may serve one family, and names the error"),
        pytest.param(None, True, [], True, "MUST", id="may serve one family, but not silently"),
    ],
)
def test_judgement(how: Exit | None, serves: bool, said: list[str], partial: bool, verdict: str) -> None:  # noqa: FBT001 - a row of the table
    """A silent failure fails; reporting the error and serving the other family violates a SHOULD."""
    line = naming_line(said, 8080)
    finding = suite.judge(how, [OTHER] if serves else [], said, line, taken=Family.IPV6, partial=partial)
    assert ("ok" if finding.ok else finding.level or "MUST") == verdict
    assert bool(said and finding.ok) is (said[0] in finding.happened if said else False) or not finding.ok


def test_a_slow_start_has_longer() -> None:
    """What a finding says of the time is what the service had."""
    finding = suite.judge(None, [OTHER], [], "", taken=Family.IPV6, partial=False, within=22.1)
    assert finding.expected == "with its port taken in IPv6 the service fails within 22 s and reports the error"
    assert finding.happened.startswith("after 22 s it runs and listens on 0.0.0.0")


@pytest.mark.parametrize(
    "line",
    [
        "bind: Address already in use",
        "nginx: [emerg] bind() to [::]:8080 failed (98: Address already in use)",
        'Error opening specified endpoint "udp6:8080"',
        "thread 'main' panicked: Os { code: 98, kind: AddrInUse }",
        "error: AddressInUse",
        "{error,eaddrinuse}",
        "8080/tcp: listener not started",
        "could not create listening sockets",
        "tcp/8080 is taken by another process",
        "IPv6 disabled: socket busy",
        "syslog: inetd[12]: cannot start service on 8080",
        "java.net.BindException: errno=98",
    ],
)
def test_what_names_the_error(line: str) -> None:
    """A line names the error with strerror()'s text, or says that something failed about a listener or its port."""
    assert naming_line(["hello", line], 8080) == line


@pytest.mark.parametrize("line", ["listening on [::]:8081", "ready to accept connections", "pid 98", "took 98 ms", ""])
def test_what_does_not_name_the_error(line: str) -> None:
    """Neither a success nor the bare number of EADDRINUSE names the error."""
    assert naming_line([line], 8080) == ""


def test_only_what_is_new_counts() -> None:
    """Lines that a program always writes do not report a failure, whatever numbers and times they contain."""
    usual = "2026-11-28 03:38:00 [12] error log opened for port 8080\nlistening on 0.0.0.0\n"
    again = "2026-11-29 17:01:59 [4711] error log opened for port 8080\nbind failed\n"
    assert new_lines(usual, again) == ["bind failed"]
    assert new_lines(usual, usual) == []
    assert new_lines("", "\n \nx\n") == ["x"]


@pytest.mark.parametrize(
    "line",
    [
        "metrics disabled: bind 127.0.0.1:9464: Address already in use",
        "Error: listen EADDRINUSE: address already in use :::9464",
        "OSError: [Errno 98] Address already in use: ('::1', 9464)",
        "listen tcp :9464: bind: address already in use",
        "port 9464 is in use",
        "tcp/9464: address already in use",
        "9464/udp: address already in use",
        "admin: localhost:9464 address already in use",
    ],
)
def test_another_port_in_use_is_no_failure_of_this_one(line: str) -> None:
    """A line about an address in use counts if it names this port, or no port, and not if it names another one."""
    assert in_use_line(f"starting\n{line}\n", 8080) == ""
    assert in_use_line(f"starting\n{line}\n", 9464) == line
    assert in_use_line(f"{line}\n{NAMED}\n", 8080) == NAMED
