"""The dependency law: arrows only point down, each heavy library has one home, content rests on the engine.

Imports are read from the sources, also those inside functions and under TYPE_CHECKING.
"""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import dualstack
from dualstack.content import ROOT

ENGINE = Path(dualstack.__file__).parent

FLOORS = (
    (
        "families",
        "errors",
        "deadline",
        "finding",
        "measure",
        "chart",
        "timeline",
        "casekey",
        "counting",
        "content",
        "extensions",
        "backend_names",
        "checksum",
        "rfc6052",
        "transport",
        "suggestion",
        "expression",
        "protocols",
    ),
    ("manifest", "topology", "addressing", "need", "requirement", "scenarios"),
    ("prober",),
    ("lab",),
    ("wire",),
    (
        "verdict",
        "results",
        "runinfo",
        "earlier",
        "expected",
        "plan",
        "sharding",
        "facts",
        "causes",
        "effect",
        "complaint",
    ),
    (
        "authority",
        "rootfs",
        "runnable",
        "service",
        "build",
        "world",
        "survey",
        "trying",
        "compose",
        "doctor",
        "suites",
        "session",
        "startup",
        "stopping",
        "casework",
        "language",
        "visible",
        "tethered",
    ),
    ("report",),
    ("plugin", "runoptions", "collection", "recordkeeping", "cli", "start", "testing", "__main__"),
)
"""The rooms of each floor of the engine, from the ground up."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms} | {"": 0}
"""The floor of each room; the package itself holds only its version, so it lies on the ground."""

HOMES = {
    "scapy": {"wire.dissect"},
    "pyroute2": {"lab", "prober"},
    "dnslib": {"prober", "wire"},
    "h11": {"protocols.http"},
    "wsproto": {"protocols.websocket_client", "protocols.websocket_server", "protocols.websocket_parts"},
    "h2": {"protocols.http2_session"},
    "trustme": {"authority"},
    "jinja2": {"report"},
    "pydantic": {"manifest", "topology", "prober.codec", "report.shapes", "report.results_schema"},
    "pydantic_core": {"manifest", "report.shapes"},
    "rich": {"report", "cli"},
    "shtab": {"cli.completion"},
    "pytest": {"plugin", "runoptions", "collection", "recordkeeping", "cli"},
    "_pytest": set(),
    "docker": {"lab.docker"},
    "yaml": {"compose.source"},
    "requests": {"lab.docker"},
    "urllib3": {"lab.docker"},
}
"""Which rooms, or modules of rooms, may import a library."""

CONTENT = ("suites", "fixtures", "topologies", "reports")


@dataclass(frozen=True, slots=True)
class Import:
    """One import.

    Attributes:
        module: The module that imports, without ``dualstack.``; ``content.`` before one of the content's.
        line: Where it stands.
        target: What is imported, in full.
        deferred: Whether it stands inside a function or under TYPE_CHECKING.
    """

    module: str
    line: int
    target: str
    deferred: bool

    def __str__(self) -> str:
        """Say who imports what."""
        return f"{self.module}, line {self.line}: {self.target}"


def room_of(module: str) -> str:
    """Return the room of an engine's module, given without ``dualstack.``."""
    return module.partition(".")[0]


def within_engine(target: str) -> str | None:
    """Return a target without ``dualstack.``, or nothing if it is no engine's; of the package itself: no room."""
    head, _, rest = target.partition(".")
    if head != "dualstack":
        return None
    return "" if rest.startswith("__") and rest != "__main__" else rest


@cache
def nodes_of(source: str) -> list[tuple[ast.Import | ast.ImportFrom | ast.Constant, bool]]:
    """Return the imports and the literals of a source, each with whether it is deferred."""
    tree = ast.parse(source)
    top = {id(node) for node in tree.body}
    kinds = (ast.Import, ast.ImportFrom, ast.Constant)
    return [(node, id(node) not in top) for node in ast.walk(tree) if isinstance(node, kinds)]


def imports_of(source: str, module: str) -> Iterator[Import]:
    """Yield every import of a module; ``from a import b`` imports ``a.b``."""
    for node, deferred in nodes_of(source):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(module, node.lineno, name, deferred)


def names_in(source: str, module: str) -> Iterator[Import]:
    """Yield every module of the engine that a text of the source names: it may be imported by that name."""
    for node, _ in nodes_of(source):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = re.fullmatch(r"(dualstack(?:\.\w+)+)(?::\w+)?", node.value)
            if match and (within_engine(match[1]) or "").partition(".")[0] in FLOOR:
                yield Import(module, node.lineno, match[1], deferred=True)


def modules_below(folder: Path, prefix: str = "") -> dict[str, str]:
    """Return the source of each module below a folder, by its dotted name; a package has its folder's."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [*path.relative_to(folder).with_suffix("").parts]
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join([prefix, *parts] if prefix else parts)] = path.read_text(encoding="utf-8")
    return found


@cache
def engine_modules() -> dict[str, str]:
    """Return the sources of the engine."""
    return modules_below(ENGINE)


@cache
def content_modules() -> dict[str, str]:
    """Return the sources of the content; services are separate programs, which import neither engine nor content."""
    return {
        name: source
        for folder in CONTENT
        for name, source in modules_below(ROOT / folder, folder).items()
        if not name.startswith("fixtures.services.")
    } | {"conftest": (ROOT / "conftest.py").read_text(encoding="utf-8")}


@cache
def engine_imports() -> list[Import]:
    """Return the imports of the engine."""
    return [item for name, source in engine_modules().items() for item in imports_of(source, name)]


@cache
def engine_names() -> list[Import]:
    """Return the modules that texts of the engine name."""
    return [item for name, source in engine_modules().items() for item in names_in(source, name)]


@cache
def content_imports() -> list[Import]:
    """Return the imports of the content."""
    return [item for name, source in content_modules().items() for item in imports_of(source, f"content.{name}")]


def upward(imports: list[Import]) -> list[str]:
    """Return the imports whose arrow does not point down (or to the same floor)."""
    found = []
    for item in imports:
        target = within_engine(item.target)
        if target is not None and FLOOR[room_of(target)] > FLOOR[room_of(item.module)]:
            found.append(str(item))
    return found


def circle(imports: list[Import]) -> list[str]:
    """Return modules of the engine that import one another in a circle; empty if none do."""
    modules = engine_modules()
    arrows: dict[str, set[str]] = {}
    for item in imports:
        target = within_engine(item.target)
        if target is not None:
            module = target if target in modules else target.rpartition(".")[0]
            arrows.setdefault(item.module, set()).add(module)
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def homeless(imports: list[Import]) -> list[str]:
    """Return the imports of a library outside its home."""
    found = []
    for item in imports:
        homes = HOMES.get(item.target.split(".")[0])
        if homes is not None and not any(f"{item.module}.".startswith(f"{home}.") for home in homes):
            found.append(str(item))
    return found


def of_content(imports: list[Import]) -> list[str]:
    """Return the imports of content: by its full name or by its folder's."""
    return [
        str(item)
        for item in imports
        if ((within_engine(item.target) or "").startswith("content.") and item.target != "dualstack.content.ROOT")
        or item.target.split(".")[0] in {*CONTENT, "conftest"}
    ]


def test_engine_was_seen() -> None:
    """The sources were found, and so were their imports, on the top level and deferred ones."""
    assert len(engine_modules()) > 80
    assert len(engine_imports()) > 400
    assert sum(item.deferred for item in engine_imports()) > 5
    assert {"wire.dissect", "lab.netlink", "report", "plugin", "cli.main", "__main__"} <= set(engine_modules())
    inside = [item for item in engine_imports() if within_engine(item.target)]
    assert len(inside) > 150
    assert {room_of(item.module) for item in inside} > {"cli", "lab", "wire", "report", "plan"}


def test_content_was_seen() -> None:
    """So were those of suites and fixtures."""
    assert {"suites.listen.test_reachability", "fixtures.lab", "conftest"} <= set(content_modules())
    assert len(content_imports()) > 50


def test_every_room_has_a_floor() -> None:
    """A new room must be given a floor, and a room that is gone loses its own."""
    rooms = {room_of(name) for name in engine_modules()}
    assert rooms == set(FLOOR)


def test_arrows_point_down() -> None:
    """No module imports from a floor above its own."""
    assert upward(engine_imports()) == []


def test_no_modules_import_each_other() -> None:
    """No module imports one that imports it, directly or through others, not even inside a function."""
    assert circle(engine_imports()) == []


def test_a_circle_is_found() -> None:
    """Two modules that import each other are named."""
    made = [Import("report.load", 1, "dualstack.results.Record", deferred=False)]
    assert circle(made) == []
    back = Import("results", 2, "dualstack.report.load", deferred=True)
    assert set(circle([*made, back])) == {"results", "report.load"}


def test_names_point_down() -> None:
    """Neither does a module that is imported by its name, but for one that only saves time.

    The supervisors of both labs import in advance what will run in hosts; a fork then has it at once.
    """
    assert len(engine_names()) > 4
    assert [text.split(", line")[0] + text.split(":")[1] for text in upward(engine_names())] == [
        "lab.process dualstack.wire.recorder"
    ]


def test_prober_and_wire_do_not_know_the_manifest() -> None:
    """They need only `transport` of it: what a manifest says is translated into their values above them."""
    rooms = ("prober", "wire")
    importers = [item for item in engine_imports() if (within_engine(item.target) or "").startswith("manifest")]
    assert [str(item) for item in importers if room_of(item.module) in rooms] == []


def test_libraries_stay_at_home() -> None:
    """Each heavy library is imported in its home only."""
    assert homeless(engine_imports()) == []


@pytest.mark.parametrize(
    "library",
    [
        "docker",
        "scapy",
        "pyroute2",
        "dnslib",
        "h11",
        "h2",
        "wsproto",
        "jinja2",
        "pydantic",
        "rich",
        "shtab",
        "trustme",
        "pytest",
    ],
)
def test_library_is_used_at_all(library: str) -> None:
    """A home without its library would prove nothing."""
    assert [item for item in engine_imports() if item.target.split(".")[0] == library]


def test_scapy_is_imported_by_one_module() -> None:
    """Exactly one module knows scapy, and loads it only when something is dissected."""
    seen = {(item.module, item.deferred) for item in engine_imports() if item.target.split(".")[0] == "scapy"}
    assert seen == {("wire.dissect", True)}


def test_engine_does_not_import_content() -> None:
    """The engine knows where content is, and nothing of what is in it."""
    assert of_content(engine_imports()) == []


def test_content_is_imported_by_name_in_one_place() -> None:
    """Only ``suites`` imports by name what it finds; the others import the engine's own: commands, protocols, agents.

    ``testing`` names the fixtures; pytest imports them.
    """
    importers = {name for name, source in engine_modules().items() if "import_module(" in source}
    assert importers == {"suites", "cli.main", "lab.process", "protocols.registry"}
    naming = {name for name, source in engine_modules().items() if '"dualstack.content.' in source}
    assert naming == {"suites", "testing"}


def test_content_modules_do_not_import_each_other() -> None:
    """A suite or fixture rests on the engine alone."""
    assert of_content(content_imports()) == []


def test_content_uses_no_library_of_the_engine() -> None:
    """Content reaches packets, kernels and manifests through the engine."""
    libraries = set(HOMES) - {"pytest"}
    assert [str(item) for item in content_imports() if item.target.split(".")[0] in libraries] == []


def test_services_know_nothing_of_us() -> None:
    """A service under test that is written in Python imports neither the engine nor pytest."""
    sources = modules_below(ROOT / "fixtures" / "services")
    assert len(sources) > 10
    own = {name: source for name, source in sources.items() if "build" not in name.split(".")}  # no installed libraries
    found = [item for name, source in own.items() for item in imports_of(source, name)]
    assert [str(item) for item in found if item.target.split(".")[0] in {"dualstack", "pytest", *HOMES}] == []


@pytest.mark.parametrize(
    ("module", "source", "rule"),
    [
        ("families", "from dualstack.manifest import Manifest", upward),
        ("plan", "import dualstack.world", upward),
        ("wire.pcap", "def f():\n    from dualstack.verdict import Verdict", upward),
        ("lab.netns", "if TYPE_CHECKING:\n    from dualstack.wire.capture import Capture", upward),
        ("session", "from dualstack import plugin", upward),
        ("report.html", "from dualstack.cli.main import main", upward),
        ("wire.capture", "import scapy.all", homeless),
        ("wire.dissecting", "from scapy import all", homeless),
        ("world.base", "def f():\n    from pyroute2 import IPRoute", homeless),
        ("prober.messages", "from pydantic import BaseModel", homeless),
        ("wire.expect", "import pydantic", homeless),
        ("plan", "import pytest", homeless),
        ("plugin", "from _pytest.main import Session", homeless),
        ("lab.backends", "import docker", homeless),
        ("suites", "import dualstack.content.suites.listen.test_reachability", of_content),
        ("plugin", "from dualstack.content.fixtures import lab", of_content),
        ("content.suites.a", "from dualstack.content.suites.b import helper", of_content),
        ("content.suites.a", "from fixtures.world import world", of_content),
        ("content.conftest", "import conftest", of_content),
    ],
)
def test_a_violation_is_found(module: str, source: str, rule: object) -> None:
    """Each rule finds a made-up violation, wherever it stands."""
    assert callable(rule)
    assert len(rule(list(imports_of(source, module)))) == 1


def test_a_name_that_points_up_is_found() -> None:
    """So does the rule for names."""
    assert len(upward(list(names_in('ENTRY = "dualstack.world.base:run"', "lab.netns")))) == 1
    assert list(names_in('TEXT = "dualstack.plain"', "cli.terminal")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("manifest.load", "from dualstack.errors import UsageError"),
        ("cli.run", "from dualstack.report import write_all"),
        ("wire.dissect", "def f():\n    from scapy import all"),
        ("lab.netlink", "from pyroute2 import IPRoute"),
        ("topology", "from dualstack.content import ROOT"),
        ("session", "from dualstack import __version__"),
        ("content.fixtures.world", "from dualstack.plugin import SESSION"),
    ],
)
def test_what_is_right_is_left_alone(module: str, source: str) -> None:
    """No rule finds fault with an import that the law allows."""
    found = list(imports_of(source, module))
    assert len(found) == 1
    assert of_content(found) == homeless(found) == []
    if not module.startswith("content."):
        assert upward(found) == []


HEAVY = (
    "docker",
    "trustme",
    "scapy",
    "pyroute2",
    "jinja2",
    "dnslib",
    "rich",
    "dualstack.lab",
    "dualstack.wire",
    "dualstack.report",
)


@pytest.mark.parametrize(
    ("module", "allowed"),
    [("dualstack.plugin", set()), ("dualstack.cli", {"rich"}), ("dualstack.suites", set())],
    ids=["plugin", "cli", "suites"],
)
def test_imports_nothing_heavy(module: str, allowed: set[str]) -> None:
    """Every pytest run of every project loads the plugin: it must cost them next to nothing."""
    code = f"import json, sys, {module}; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(json.loads(done.stdout)) <= allowed


def test_what_is_heavy_would_be_seen() -> None:
    """The look into sys.modules above finds a library that is loaded."""
    code = f"import json, sys, jinja2; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == ["jinja2"]
