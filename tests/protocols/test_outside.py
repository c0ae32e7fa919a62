"""Protocols from outside: what a file must have, where they are found, and that they are like ours."""

import importlib.metadata
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import dualstack
from dualstack import protocols
from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.extensions import GROUP, add_folders, load_protocols
from dualstack.families import Family
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.protocols.application import Application, Trait
from dualstack.protocols.outside import Source, add, sources
from dualstack.protocols.registry import PROTOCOLS, client_for, one_of, protocol_named, server_for, traits_of

pytestmark = pytest.mark.usefixtures("own_registry")

EXAMPLE = ROOT / "examples" / "own_suites" / "shop_suites"
STOCK = EXAMPLE / "protocols" / "stock.py"

MINIMAL = """\
from dualstack.protocols import Application, Exact, Trait


class Mirror(Application):
    name = "mirror"
    traits = frozenset({Trait.ANSWERS})

    @classmethod
    def client(cls, ask):
        return Exact(b"ab", b"ba", "came back")
"""


def source(text: str, place: str = "/team/protocols/mirror.py") -> Source:
    """Return a file with this text."""
    return Source(place, text)


def add_example() -> None:
    """Add the example's protocol."""
    add(source(STOCK.read_text(encoding="utf-8"), str(STOCK)))


def test_both_ends_of_the_example() -> None:
    """The example's client is answered by its server, which says what it asked for; other lines are wrong."""
    add_example()
    dial, serve = Dial(Family.IPV6, "::1", 80, protocol="stock"), Serve(("::1",), 80, protocol="stock")
    client, server = client_for(dial), server_for(serve, "::1")
    judgement = client.receive(server.receive(client.start()).send).judgement
    assert judgement is not None
    assert (judgement.outcome, server.end("").outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)
    other = server_for(serve, "::1")
    turn = other.receive(b"HELLO\n")
    assert (turn.send, turn.close, other.end("").outcome) == (b"ERROR\n", True, Outcome.WRONG)
    assert server_for(serve, "::1").end("").outcome is Outcome.SILENT


def test_added_once() -> None:
    """A file that is added again is kept, so that a supervisor can get what its parent has added already."""
    ours = list(PROTOCOLS)
    add_example()
    add_example()
    assert list(PROTOCOLS) == [*ours, "stock"]
    assert [item.place for item in sources()] == [str(STOCK)]


def test_several_in_one_file() -> None:
    """A file may define several protocols; a base class without a name is none."""
    text = MINIMAL.replace('    name = "mirror"\n', "")
    add(source(text + '\nclass One(Mirror):\n    name = "one"\n\nclass Two(Mirror):\n    name = "two"\n'))
    assert {"one", "two"} < set(PROTOCOLS)
    assert traits_of("two") == {protocols.Trait.ANSWERS}


def test_dataclasses() -> None:
    """A file is a module: a dataclass in it finds its annotations."""
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n"
    add(source(f"{text}{MINIMAL}\n@dataclass\nclass State:\n    count: ClassVar[int]\n    size: int = 0\n"))
    assert "mirror" in PROTOCOLS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class Mirror", "class Mirror(", ":4: cannot be imported: SyntaxError: "),
        ("Application, Exact", "Applications, Exact", ":1: cannot be imported: ImportError: cannot import name 'Appli"),
        ("Trait.ANSWERS", "Trait.ANSWER", ":6: cannot be imported: AttributeError: "),
        (
            "\n\n\n",
            "\nimport requests\n\n\n",
            ":2: imports requests; a protocol runs inside the hosts of a lab, where ",
        ),
        ("\n\n\n", "\nfrom . import more\n\n\n", ":2: imports .; a protocol runs inside the hosts of a lab, where it "),
        (
            "dualstack.protocols",
            "dualstack.testing",
            ":1: imports dualstack.testing; a protocol runs inside the hosts of a lab, where it can import only dual",
        ),
        ("class Mirror(Application)", "class Mirror", ": defines no protocol: a subclass of Application that has a na"),
        ('name = "mirror"', "name = 3", ": Mirror.name: found 3; allowed: a text that matches "),
        ('name = "mirror"', 'name = "a mirror"', ": Mirror.name: found 'a mirror'; allowed: a text that matches "),
        ("class Mirror", "raise SystemExit(3)\nclass Mirror", ":4: cannot be imported: SystemExit: 3"),
        ("traits = ", "trait = ", ": Mirror.traits: found None; allowed: a frozenset of Trait"),
        ("frozenset({Trait.ANSWERS})", '{"answers"}', ": Mirror.traits: found {'answers'}; allowed: a frozenset of "),
        (
            "Trait.ANSWERS",
            "Trait.PIPELINES",
            ": Mirror.traits: it needs one of Trait.ANSWERS, Trait.ONE_WAY and Trait.SI",
        ),
        (
            "traits =",
            "serves = frozenset({'tcp'})\n    traits =",
            ": Mirror.serves: found frozenset({'tcp'}); allowed: ",
        ),
        (
            "    @classmethod\n    def client",
            "    @classmethod\n    def clinet",
            ": Mirror.transports: it has no class method client; define it, or set transports = frozenset()",
        ),
        ("    @classmethod\n", "", ": Mirror.transports: it has no class method client; define it, or set "),
        (
            "traits =",
            "serves = Application.transports\n    traits =",
            ": Mirror.serves: it has no class method server; define it, or set serves = frozenset()",
        ),
        ("traits =", "transports = frozenset()\n    traits =", ": Mirror: it has neither a client nor a server"),
        ("class Mirror", "#" * 60_000 + "\nclass Mirror", ": too long; a file of protocols has at most 60000 bytes"),
    ],
)
def test_file_that_is_wrong(old: str, new: str, message: str) -> None:
    """A file that is wrong is refused, with its name and line or key; nothing of it is kept."""
    ours = dict(PROTOCOLS)
    with pytest.raises(UsageError) as raised:
        add(source(MINIMAL.replace(old, new)))
    assert str(raised.value).startswith(f"/team/protocols/mirror.py{message}")
    assert (PROTOCOLS, sources(), "dualstack_protocols_0" in sys.modules) == (ours, (), False)


def test_name_that_is_ours() -> None:
    """A protocol with the name of a built-in one is refused; both places are named."""
    ours = Path(dualstack.__file__).parent / "protocols" / "http.py"
    with pytest.raises(UsageError) as raised:
        add(source(MINIMAL.replace('"mirror"', '"http"')))
    assert str(raised.value) == (
        f"/team/protocols/mirror.py: Mirror.name: protocol 'http' exists already, in {ours}: give it another name"
    )


@pytest.mark.parametrize("first", ["/team/protocols/mirror.py", "/other/mirror.py"])
def test_name_twice(first: str) -> None:
    """The same for two protocols from outside, in two files or in one."""
    text = MINIMAL
    if first == "/other/mirror.py":
        add(source(MINIMAL, first))
    else:
        text += '\nclass Again(Mirror):\n    name = "mirror"\n'
    with pytest.raises(UsageError, match=rf"'mirror' exists already, in {first}: give it another name"):
        add(source(text))


def test_name_that_does_not_exist() -> None:
    """An agent that does not know a protocol says which ones it knows."""
    with pytest.raises(UsageError, match=r"^no protocol 'mirror' \(there are: connect, echo, .*, oneway\)$"):
        client_for(Dial(Family.IPV6, "::1", 80, protocol="mirror"))


def test_named_folder(tmp_path: Path) -> None:
    """The files of ``protocols`` in a named folder are added; names that begin with ``_`` or ``.`` are left out."""
    folder = tmp_path / "protocols"
    folder.mkdir()
    (folder / "mirror.py").write_text(MINIMAL, encoding="utf-8")
    for name in ("__init__.py", "_more.py", ".hidden.py", "notes.txt"):
        (folder / name).write_text("raise RuntimeError\n", encoding="utf-8")
    add_folders([tmp_path])
    load_protocols()
    load_protocols()
    assert [item.place for item in sources()] == [str(folder / "mirror.py")]
    assert PROTOCOLS["mirror"].__module__.startswith("dualstack_protocols_")


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "mirror.py").write_bytes(b"\xff\n")
    add_folders([tmp_path])
    with pytest.raises(UsageError, match=r"protocols/mirror\.py: cannot be read: 'utf-8' codec"):
        load_protocols()


def test_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocols in the folder of an installed package are added, and the package is not imported."""
    (tmp_path / "team_package" / "protocols").mkdir(parents=True)
    (tmp_path / "team_package" / "__init__.py").write_text("raise RuntimeError\n", encoding="utf-8")
    (tmp_path / "team_package" / "protocols" / "mirror.py").write_text(MINIMAL, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = [EntryPoint(name="team", value="team_package", group=GROUP)]
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: [item for item in found if item.group == group]
    )
    load_protocols()
    assert "mirror" in PROTOCOLS
    assert "team_package" not in sys.modules


def test_phrase() -> None:
    """Names are listed as a phrase."""
    assert one_of(list(PROTOCOLS.values())[:3]) == "connect, echo or upper"


def test_addresses_in_answers() -> None:
    """A protocol that advertises reads the addresses from what its client received; the others find none."""
    reader = """\

    @classmethod
    def advertised(cls, received):
        return (Advertised(received.decode(), None, "the answer"),)
"""
    text = MINIMAL.replace("import ", "import Advertised, ").replace("Trait.ANSWERS", "Trait.ANSWERS, Trait.ADVERTISES")
    add(source(text + reader))
    assert Trait.ADVERTISES in traits_of("mirror")
    assert protocol_named("mirror").advertised(b"ba") == (protocols.Advertised("ba", None, "the answer"),)
    assert protocol_named("echo").advertised(b"192.0.2.1") == ()


def test_trait_and_reader_belong_together() -> None:
    """A protocol that says that it advertises, and does not say where, is refused; so is the opposite."""
    reader = "\n    @classmethod\n    def advertised(cls, received):\n        return ()\n"
    for text in (MINIMAL.replace("Trait.ANSWERS", "Trait.ANSWERS, Trait.ADVERTISES"), MINIMAL + reader):
        with pytest.raises(UsageError, match=r"Trait\.ADVERTISES and a class method advertised belong together"):
            add(source(text))


def test_every_protocol_that_advertises_reads() -> None:
    """Each of our protocols with ``Trait.ADVERTISES`` has its own reader, and no other one has."""
    for item in PROTOCOLS.values():
        own = item.advertised.__func__ is not Application.advertised.__func__  # type: ignore[attr-defined]
        assert own is (Trait.ADVERTISES in item.traits), item.name
