"""``dualstack try``: a command without a manifest."""

import shlex
import sys
from pathlib import Path

import pytest

from dualstack.cli.main import main
from dualstack.cli.terminal import Terminal
from dualstack.cli.try_client import _progress, _show_known
from dualstack.manifest import load_manifest
from dualstack.measure import Measure
from dualstack.prober.messages import SocketRow
from dualstack.prober.unixsockets import listening
from dualstack.results import Record
from dualstack.transport import Transport
from dualstack.trying.connecting import REQUIREMENTS, State, rows
from dualstack.trying.drafting import assumption, client_manifest, server_manifest, service_name
from dualstack.trying.ports import OpenPort
from dualstack.trying.serving import hidden_files, unwritable_files
from dualstack.trying.speaking import Spoken
from dualstack.verdict import Verdict
from tests.exam.examined import SERVICES

ECHO = str(SERVICES / "reference" / "echo.py")
IPV4_ONLY = """
import socket
server = socket.create_server(("0.0.0.0", 8080))
while True:
    server.accept()[0].sendall(b"220 hello")
"""


def a_port(transport: Transport = Transport.TCP, *addresses: str) -> OpenPort:
    """Return a port with a socket on each address."""
    rows = [SocketRow("ipv4", transport.value, "LISTEN", address, 8080, "", None, "x(7)") for address in addresses]
    return OpenPort(transport, 8080, tuple(rows))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("./server --port 8080", "server"),
        ("python3 -u app.py", "app"),
        ("/usr/bin/python3.11 -m http.server", "http"),
        ("node dist/index.js", "index"),
        ("'/opt/a b/my+server'", "my-server"),
        ("++", "service"),
    ],
)
def test_names_of_services(command: str, name: str) -> None:
    """A service has the name of its program, or of the script that an interpreter runs."""
    assert service_name(shlex.split(command)) == name


@pytest.mark.parametrize(
    "spoken",
    [Spoken("http"), Spoken("http", tls=True), Spoken("exchange", greeting="SSH-2.0-x.y+(z)"), Spoken("connect")],
)
@pytest.mark.parametrize("transport", list(Transport))
def test_a_manifest_of_a_server_is_valid(spoken: Spoken, transport: Transport, tmp_path: Path) -> None:
    """What is found out of a server is a valid manifest, also with quotes and newlines in its command."""
    path = tmp_path / "service.toml"
    command = ['./ser"ver', "--greeting", "a\nb\\c\u00e9"]
    ports = {a_port(transport, "127.0.0.1"): spoken}
    path.write_text(server_manifest(command, tmp_path, path, ports, ready=10.0), encoding="utf-8")
    manifest = load_manifest(path)
    assert manifest.service.command == command
    assert manifest.listen[0].scope.value == "loopback"
    assert manifest.listen[0].transport is transport
    assert (manifest.listen[0].tls is not None) == (spoken.tls and transport is Transport.TCP)
    unsure = spoken.protocol == "connect" and transport is Transport.TCP
    assert ("# What it speaks was not recognised" in path.read_text(encoding="utf-8")) == unsure


@pytest.mark.parametrize(
    ("command", "protocol", "tls"),
    [
        ("curl http://{target}/", "http", False),
        ("curl --cacert {ca} HTTPS://{target}/", "http", True),
        ("redis-cli -h {host} -p {port} PING", "redis", False),
    ],
)
def test_a_manifest_of_a_client_is_valid(command: str, protocol: str, tls: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    """What the server of a client speaks follows from the URI or from the program's name."""
    path = tmp_path / "service.toml"
    path.write_text(client_manifest(command.split(), tmp_path, path), encoding="utf-8")
    (connect,) = load_manifest(path).connect
    assert (connect.protocol, connect.tls is not None) == (protocol, tls)


def test_a_protocol_that_is_not_known_is_not_written(tmp_path: Path) -> None:
    """Without a sign of what the server speaks the manifest names no protocol, and says so in a comment."""
    path = tmp_path / "service.toml"
    path.write_text(client_manifest(["./client", "{target}"], tmp_path, path), encoding="utf-8")
    (connect,) = load_manifest(path).connect
    assert "protocol" not in connect.model_fields_set
    assert "# What its server speaks is not known" in path.read_text(encoding="utf-8")
    assert assumption(["./client"], "http").startswith("the lab's server speaks HTTP, as the command does;")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("curl https://{target}/", "the lab's server speaks HTTP over TLS, as the command suggests"),
        ("redis-cli -h {host}", "the lab's server speaks Redis, as the command suggests"),
        ("python3 ask.py {host}", "the lab's server sends back what it gets; if the command expects another one: "),
    ],
)
def test_what_is_assumed_is_said(command: str, sentence: str) -> None:
    """What the server of a client is taken to speak is said, also if nothing suggests it."""
    assert assumption(command.split()).startswith(sentence)


@pytest.mark.parametrize(
    ("image", "name"),
    [("nginx", "nginx"), ("registry.example:5000/team/shop:1.4", "shop"), ("shop@sha256:0a", "shop"), ("a/b++", "b")],
)
@pytest.mark.parametrize("arguments", [[], ['./ser"ver', "--x"]])
def test_a_manifest_of_an_image_is_valid(image: str, name: str, arguments: list[str], tmp_path: Path) -> None:
    """An image has its own command or another one, and its service the image's name."""
    path = tmp_path / "service.toml"
    text = server_manifest(arguments, tmp_path, path, {a_port(): Spoken("http")}, image=image)
    path.write_text(text, encoding="utf-8")
    manifest = load_manifest(path)
    assert manifest.image is not None
    assert (manifest.image.name, manifest.image.command) == (image, arguments)
    assert (manifest.service.name, manifest.service.command) == (name, None)


def test_a_manifest_has_the_packages(tmp_path: Path) -> None:
    """The packages that the command needs are in the manifest, of a server and of a client."""
    path = tmp_path / "service.toml"
    for text in (
        server_manifest(["nginx"], tmp_path, path, {a_port(): Spoken("http")}, packages=["nginx-light"]),
        client_manifest(["redis-cli", "-h", "{host}"], tmp_path, path, packages=["nginx-light"]),
    ):
        path.write_text(text, encoding="utf-8")
        assert load_manifest(path).service.packages == ["nginx-light"]


@pytest.mark.parametrize(
    ("line", "files"),
    [
        (
            'nginx: [emerg] open() "/var/log/nginx/error.log" failed (30: Read-only file system)',
            ["/var/log/nginx/error.log"],
        ),
        ("PermissionError: [Errno 13] Permission denied: '/var/lib/shop/db'", ["/var/lib/shop/db"]),
        ("mkdir /opt/shop/data: read-only file system", ["/opt/shop/data"]),
        ("EROFS: read-only file system, open '/srv/a', mkdir '/srv/b/c.d'", ["/srv/a", "/srv/b/c.d"]),
        ("bind() to 0.0.0.0:80 failed (13: Permission denied)", []),
        ("open /var/tmp/x: Permission denied", []),
        ("cannot open /var/lib/shop/db: no such file", []),
    ],
)
def test_files_that_a_lab_protects(line: str, files: list[str]) -> None:
    """A file of the machine that the output says is not writable is named; other faults are not taken for that."""
    assert unwritable_files([line]) == files


def test_packages_are_not_for_images(capsys: pytest.CaptureFixture[str]) -> None:
    """An image has its own root file system: the options do not fit."""
    assert main(["try", "--image", "shop:1", "--package", "nginx"]) == 2
    assert "--package is for a program of this machine" in capsys.readouterr().err


def test_unix_sockets_of_a_host() -> None:
    """Sockets with a name that accept connections are listed, abstract ones too; others are not."""
    table = """Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 26443 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 26444 @abstract
0000000000000000: 00000003 00000000 00000000 0001 03 26445 /run/connected.sock
0000000000000000: 00000002 00000000 00010000 0001 01 26446
"""
    assert list(listening(table)) == ["/run/a b.sock", "@abstract"]


def record(requirement: str, verdict: Verdict, reason: str = "", *measures: Measure) -> Record:
    """Return a record."""
    return Record(requirement, "", "must", "s", "s.toml", "e", "dual-stack", verdict, reason, measures=measures)


def test_rows_of_a_client() -> None:
    """A row works if all its cases do; what differs, was not judged or does not apply has a reason."""
    delay = Measure.of("attempt delay", [0.25], error=0.001)
    found = {
        row.target: row
        for row in rows(
            [
                record("CONNECT-001", Verdict.FAIL, "no connection"),
                record("CONNECT-002", Verdict.PASS),
                record("CONNECT-003", Verdict.PASS),
                record("CONNECT-008", Verdict.FAIL, "not on an IPv6-only host"),
                record("CONNECT-004", Verdict.INCONCLUSIVE, "packets were lost"),
                record("CONNECT-009", Verdict.DEVIATES, "IPv4 first"),
                record("DNS-005", Verdict.NOT_APPLICABLE, "no attempt has lost"),
                record("DNS-002", Verdict.PASS, "", delay),
            ]
        )
    }
    assert list(found) == list(REQUIREMENTS)
    assert {name: (row.state, row.reason) for name, row in found.items() if row.reason or row.state is State.WORKS} == {
        "an IPv4 address": (State.WORKS, ""),
        "an IPv6 address": (State.FAILS, "no connection"),
        "a name with A only": (State.UNKNOWN, "packets were lost"),
        "a name with AAAA only": (State.WORKS, ""),
        "a name with both, IPv6 preferred": (State.DEVIATES, "IPv4 first"),
        "a name, the first attempt is not answered": (State.WORKS, ""),
        "a name, the host has no IPv4": (State.FAILS, "not on an IPv6-only host"),
        "attempts that lost are closed": (State.ABSENT, "no attempt has lost"),
    }
    assert found["a name, the first attempt is not answered"].measures == (delay,)


def test_an_interrupted_trial_shows_what_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Only rows whose cases have ended are shown; without any nothing is."""
    _show_known(Terminal(), [record("CONNECT-001", Verdict.PASS), record("DNS-003", Verdict.FAIL, "it is reset")])
    shown = capsys.readouterr().out
    assert "an IPv6 address" in shown
    assert "✗ a name, one family is broken: it is reset" in shown
    assert "an IPv4 address" not in shown
    _show_known(Terminal(), [])
    assert capsys.readouterr().out == ""


def test_without_a_terminal_progress_is_lines_on_standard_error() -> None:
    """Beside a status line on a terminal nothing more is shown."""
    progress = _progress(Terminal(force_terminal=False))
    assert (progress.stderr, progress.is_terminal, progress.quiet) == (True, False, False)
    assert _progress(Terminal(force_terminal=True)).quiet


def test_files_that_a_lab_hides(tmp_path: Path) -> None:
    """A file of the command outside its working directory is named, if the output does so."""
    script = tmp_path / "x.py"
    script.touch()
    line = f"can't open file {script}"
    assert hidden_files(["python3", str(script)], tmp_path / "other", [line]) == [str(script)]
    assert hidden_files(["python3", str(script)], tmp_path, [line]) == []
    assert hidden_files(["python3", str(script)], tmp_path / "other", ["other error"]) == []


@pytest.mark.lab
def test_a_server_of_both_families(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A correct server has no cross, and the manifest that is saved is valid and has its port and protocol."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "echo.py").write_text(Path(ECHO).read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "echo.py", "--bind", "::", "--port", "7007"]
    assert main(["try", "--save", "service.toml", "--", *command]) == 0
    printed = capsys.readouterr().out
    assert "7007/tcp  echo; [::] (IPv6 and IPv4)" in printed
    assert printed.count("✓") == 7
    assert "✗" not in printed
    (listener,) = load_manifest(tmp_path / "service.toml").listen
    assert (listener.port, listener.protocol) == (7007, "echo")
    assert main(["check", "service.toml"]) == 0
    assert main(["try", "--save", "service.toml", "--", *command]) == 2
    assert "exists already" in capsys.readouterr().err


HTTP_CLIENT = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=2)
connection.request("GET", "/")
connection.getresponse()
"""


@pytest.mark.lab
def test_a_client_whose_protocol_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client of HTTP whose command does not say so is run with a server of HTTP: it has no cross."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ask.py").write_text(HTTP_CLIENT, encoding="utf-8")
    assert main(["try", "--save", "x.toml", "--client", "--", sys.executable, "ask.py", "{host}", "{port}"]) == 0
    printed = capsys.readouterr().out
    assert "the lab's server speaks HTTP, as the command does" in printed
    assert "\u2717" not in printed
    assert load_manifest(tmp_path / "x.toml").connect[0].protocol == "http"


@pytest.mark.lab
def test_a_client_that_nothing_is_known_of(capsys: pytest.CaptureFixture[str]) -> None:
    """A client that waits for a greeting that the lab's server does not send has no cross: it did connect."""
    program = (
        "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 1); s.settimeout(0.2); "
        "sys.exit(s.recv(9)[:3] != b'220')"
    )
    assert main(["try", "--client", "--", sys.executable, "-c", program, "{host}", "{port}"]) == 2
    printed = capsys.readouterr().out
    assert "? an IPv6 address: it connects, but the lab's server cannot speak with it; " in printed
    assert "\u2717" not in printed


@pytest.mark.lab
def test_a_server_of_one_family(capsys: pytest.CaptureFixture[str]) -> None:
    """A server with an IPv4 socket has a cross wherever a host has IPv6, with the reason, and the exit code is 1."""
    assert main(["try", "--", sys.executable, "-c", IPV4_ONLY]) == 1
    printed = capsys.readouterr().out
    assert '8080/tcp  greets with "220"; 0.0.0.0 (IPv4)' in printed
    assert "Dual-stack                             ✓     ✗" in printed
    assert "✗ port 8080 over IPv6: it listens only on 0.0.0.0 (IPv4) (Dual-stack; Dual-stack, IPV6_V6ONLY" in printed


@pytest.mark.lab
def test_a_server_that_does_not_start(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that opens no port is shown with how it ended and what it printed; the exit code is 2."""
    assert main(["try", "--", sys.executable, "-c", "print('Error: no config'); raise SystemExit(3)"]) == 2
    printed = capsys.readouterr().out
    assert "it exited with code 3" in printed
    assert "Error: no config" in printed


@pytest.mark.lab
def test_nothing_runs_on_after_a_server_that_does_not_start() -> None:
    """The processes that were prepared for the labs it did not need have ended."""
    before = _children()
    assert main(["try", "--", sys.executable, "-c", "raise SystemExit(3)"]) == 2
    assert _children() <= before


@pytest.mark.lab
def test_several_ports(capsys: pytest.CaptureFixture[str]) -> None:
    """Each port of a program has its columns, UDP too if it echoes; a port that is not understood is not tried."""
    program = """
import socket, selectors
both = {"family": socket.AF_INET6, "dualstack_ipv6": True}
servers = [socket.create_server(("::", 8080), **both), socket.create_server(("0.0.0.0", 8081))]
echo, mute = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2))
echo.bind(("::", 5353))
mute.bind(("::", 5354))
selector = selectors.DefaultSelector()
for server in (*servers, echo):
    selector.register(server, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        if key.fileobj is echo:
            echo.sendto(*echo.recvfrom(2000))
        else:
            key.fileobj.accept()[0].sendall(b"220 hello")
"""
    assert main(["try", "--", sys.executable, "-c", program]) == 1
    printed = capsys.readouterr().out
    assert "5353/udp  echo; [::] (IPv6 and IPv4)" in printed
    assert "5354/udp  not tried: " in printed
    heads = next(line for line in printed.splitlines() if line.startswith("kind of host"))
    assert heads.split()[3::2] == ["8080", "8080", "8081", "8081", "5353/udp", "5353/udp"]
    assert "✗ port 8081 over IPv6: it listens only on 0.0.0.0 (IPv4)" in printed


@pytest.mark.lab
@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "s = socket.socket(socket.AF_UNIX); s.bind('x.sock'); s.listen(); s.accept()",
            "but listens on x.sock, a Unix",
        ),
        (
            "u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('', 5354)); u.recv(9) and u.recv(9)",
            "5354/udp  not tried",
        ),
    ],
)
def test_nothing_that_can_be_tried(program: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A program without a port that can be tried has no table, and the exit code is 2: nothing was verified."""
    assert main(["try", "--wait", "3", "--", sys.executable, "-c", f"import socket; {program}; input()"]) == 2
    printed = capsys.readouterr().out
    assert said in printed
    assert "kind of host" not in printed


@pytest.mark.lab
@pytest.mark.parametrize(
    "before",
    ["os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0)", "open(os.path.expanduser('~/x'), 'w')"],
)
def test_daemons_and_homes(before: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that continues in the background, and one that writes to its home, are served like any other."""
    program = f"""
import os, socket
{before}
server = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    server.accept()[0].close()
"""
    assert main(["try", "--", sys.executable, "-c", program]) == 1
    printed = capsys.readouterr().out
    assert "8080/tcp  accepts connections; [::] (IPv6 and IPv4)" in printed
    assert printed.count("✗ port") == 1
    assert "(IPv4-only, no AF_INET6)" in printed


def test_a_port_that_opens_later_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that starts slowly, and opens its second port a moment after the first one, has both in the table."""
    program = """import socket, threading, time
time.sleep(0.8)
first = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
time.sleep(0.3)
second = socket.create_server(("0.0.0.0", 8081))
threading.Event().wait()
"""
    main(["try", "--", sys.executable, "-c", program])
    printed = capsys.readouterr().out
    assert "8080/tcp" in printed
    assert "8081/tcp" in printed


def _children() -> set[str]:
    """Return the children of this process."""
    return {child for tasks in Path("/proc/self/task").glob("*/children") for child in tasks.read_text().split()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no command"),
        (["--", "no-such-program-7"], "no such program"),
        (["--client", "--", "true"], "names no server"),
        (["--protocol", "http", "--", "true"], "--protocol belongs to --client"),
        (["--client", "--image", "x", "--", "true"], "--image is a program that listens"),
    ],
)
def test_wrong_commands(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command is refused with what is missing, and exit code 2."""
    assert main(["try", *words]) == 2
    assert message in capsys.readouterr().err
