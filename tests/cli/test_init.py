"""``dualstack init`` with a command: a manifest with only the keys that it needs, which ``dualstack check`` accepts."""

import io
from pathlib import Path

import pytest

from dualstack.cli.main import main
from dualstack.manifest import load_manifest
from dualstack.protocols.registry import PROTOCOLS
from dualstack.transport import Transport


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, not at a terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


class Keyboard(io.StringIO):
    """A terminal at which a text is typed."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


def accepted() -> bool:
    """Return whether ``dualstack check`` accepts the manifest."""
    return main(["check", "service.toml"]) == 0


@pytest.mark.parametrize(
    ("words", "protocols"),
    [
        (["--tcp", "8080", "--http", "--", "sleep", "{bind}:{port}"], ["http"]),
        (["--tcp", "8080", "--", "sleep", "--host", "{bind}"], ["connect"]),
        (["--udp", "5353", "--", "sleep"], ["oneway"]),
        (["--tcp", "6379:redis", "--udp", "5353:echo", "--", "sleep", "{bind}"], ["redis", "echo"]),
    ],
)
def test_a_command_that_listens(words: list[str], protocols: list[str]) -> None:
    """The manifest has the command as it was given, its ports with their protocols, and no further table."""
    assert main(["init", *words]) == 0
    manifest = load_manifest(Path("service.toml"))
    assert manifest.service.command == words[words.index("--") + 1 :]
    assert [item.protocol for item in manifest.listen] == protocols
    bound = [item.bind is not None for item in manifest.listen]
    assert bound == ["{bind}" in "".join(words), *[False] * (len(protocols) - 1)]
    assert "[timeouts]" not in Path("service.toml").read_text(encoding="utf-8")
    assert accepted()


@pytest.mark.parametrize("transport", list(Transport))
def test_every_protocol(transport: Transport) -> None:
    """A port may have each protocol of its transport that needs no further key."""
    for number, item in enumerate(PROTOCOLS.values()):
        if transport in item.transports and item.name not in ("exchange", "oneway"):
            words = [f"--{transport.value}", f"{8000 + number}:{item.name}", "--force", "--", "sleep"]
            assert main(["init", *words]) == 0, item.name
            assert accepted(), item.name


@pytest.mark.parametrize(("written", "bound"), [("{bind}:{port}", "[::]"), ("{bind}", "::")])
def test_brackets(written: str, bound: str) -> None:
    """IPv6 addresses are in brackets where the port follows."""
    assert main(["init", "--tcp", "8080", "--", "sleep", written]) == 0
    (listener,) = load_manifest(Path("service.toml")).listen
    assert listener.bind is not None
    assert list(listener.bind.any) == [bound]


def test_a_command_that_connects() -> None:
    """A client has a connector, whose server speaks what the command suggests."""
    assert main(["init", "--client", "--", "sleep", "http://{target}/"]) == 0
    manifest = load_manifest(Path("service.toml"))
    assert ([item.protocol for item in manifest.connect], manifest.listen) == (["http"], [])
    assert accepted()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tcp", "8080"], "no command; for example: dualstack init --tcp 8080:http -- ./server --port {port}"),
        (["--", "sleep"], "on which port does it listen? --tcp 8080:http or --udp 5353:echo; or --client"),
        (["--tcp", "0", "--", "sleep"], "--tcp: found '0', allowed: a port, or a port and a protocol (8080:http)"),
        (["--udp", "66000", "--", "sleep"], "--udp: found '66000', allowed: a port"),
        (["--tcp", "80:htp", "--", "sleep"], "--tcp: found protocol 'htp', allowed: "),
        (["--tcp", "80:htp", "--", "sleep"], "; did you mean 'http'?"),
        (["--udp", "80:http", "--", "sleep"], "--udp: found protocol 'http', allowed: "),
        (["--client", "--tcp", "80", "--", "sleep"], "--client is a command that connects"),
        (["--client", "--", "sleep"], "the command names no server: write {target}"),
    ],
)
def test_wrong_words(words: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong or missing is named, and nothing is written."""
    assert main(["init", *words]) == 2
    assert message in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "tables"),
    [
        ("sleep 'a b'\n8080:http\n5353:echo\n", (2, 0)),
        ("sleep {target}\n", (0, 1)),
        ("\n", (1, 0)),
        ("", (1, 0)),
    ],
)
def test_questions_at_a_terminal(typed: str, tables: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal it asks; without a command the manifest has every key, as comments."""
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    assert main(["init"]) == 0
    manifest = load_manifest(Path("service.toml"))
    assert (len(manifest.listen), len(manifest.connect)) == tables
    if "a b" in typed:
        assert manifest.service.command == ["sleep", "a b"]


def test_nothing_is_asked_of_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, nothing is asked."""
    assert main(["init"]) == 0
    assert capsys.readouterr().err == ""


def test_quotes_that_do_not_end(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A command with a quotation mark that is not closed is refused."""
    monkeypatch.setattr("sys.stdin", Keyboard("sleep 'x\n"))
    assert main(["init"]) == 2
    assert "No closing quotation" in capsys.readouterr().err
