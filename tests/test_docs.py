"""The documents: examples are valid, the reference of manifests is generated and complete, links and names exist."""

import datetime as dt
import json
import re
import shlex
import tomllib
from collections.abc import Callable
from contextlib import suppress
from operator import ge, gt, le
from pathlib import Path
from typing import Any

import pytest

from dualstack.cli.help import commands_of
from dualstack.cli.parser import make_parser
from dualstack.content import ROOT
from dualstack.manifest import Manifest, subjects_of
from dualstack.manifest.document import reference
from dualstack.plan import plan_cases
from dualstack.protocols.registry import PROTOCOLS, served
from dualstack.suites import check_entries, requirements
from dualstack.topology import Topology, load_topology, topology_names
from tests.test_dependency_law import FLOORS

DOCS = ROOT / "docs"
PAGE = (DOCS / "manifest.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEMPLATE = (ROOT / "src" / "dualstack" / "manifest" / "template.toml").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
WHOLE = [text for text in EXAMPLES if text.startswith("schema = 1")]
SCHEMA: dict[str, Any] = Manifest.model_json_schema(by_alias=True)
TOPOLOGY_SCHEMA: dict[str, Any] = Topology.model_json_schema(by_alias=True)

Rule = Callable[[dict[str, Any], object, str], list[str]]
"""Returns the faults that one keyword of a schema finds in data."""


def test_page_has_its_examples() -> None:
    """The page has sixteen whole examples, one for each kind of service, and a part of one."""
    assert len(WHOLE) == 16
    assert len(EXAMPLES) == 17


KINDS = [
    "server",
    "datagrams",
    "client",
    "daemon",
    "fetcher",
    "components",
    "relay",
    "tunnel",
    "grpc",
    "websocket",
    "directory",
    "rtsp",
    "logger",
    "mailer",
    "tls",
    "proxy",
]


@pytest.mark.parametrize("text", WHOLE, ids=KINDS)
def test_example_is_right(tmp_path: Path, text: str) -> None:
    """An example is valid and has cases that apply."""
    path = tmp_path / "service.toml"
    path.write_text(text, encoding="utf-8")
    subjects = subjects_of(path)
    check_entries(subjects)
    cases = [case for item in requirements().values() for case in plan_cases(item, subjects)]
    assert sum(not case.not_applicable for case in cases) > 5


def test_first_example_of_a_manifest_is_right(tmp_path: Path) -> None:
    """The manifest that begins the page on protocols is valid and has cases of its listener and its connector."""
    path = tmp_path / "service.toml"
    text = (DOCS / "protocols.md").read_text(encoding="utf-8")
    path.write_text(re.findall(r"^```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[0], encoding="utf-8")
    subjects = subjects_of(path)
    check_entries(subjects)
    cases = [case for item in requirements().values() for case in plan_cases(item, subjects)]
    assert {case.element for case in cases if not case.not_applicable} == {"service", "web", "health-check"}


def accepted(words: list[str]) -> bool:
    """Return whether the command line accepts a command, also without its arguments, which prose may leave out."""
    if words in [[name] for name in commands_of(make_parser())]:
        return True
    for more in ([], ["service.toml"]):
        with suppress(SystemExit):
            return bool(make_parser().parse_args([*words, *more]).command == words[0])
    return False


def test_commands_of_documents_exist() -> None:
    """The command line accepts each command of the README and the manual, and the Makefile has each target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    count = 0
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
        lines = re.findall(r"^((?:dualstack|make) [^#\n>]*)", blocks, re.MULTILINE)
        lines += re.findall(r"`((?:dualstack|make) [^`]+)`", text)
        for tool, *words in map(shlex.split, lines):
            if tool == "make":
                assert re.search(rf"^{words[-1]}:", makefile, re.MULTILINE), f"{page.name}: make {words}"
            elif "COMMAND" not in words:
                assert accepted(words), f"{page.name}: {words}"
            count += 1
    assert count > 80
    assert not accepted(["run", "--sute", "listen"])
    assert not accepted(["explian", "LISTEN-001"])


def test_all_commands_have_their_page() -> None:
    """The page of commands shows each command, as its title in the README says."""
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert [name for name in commands_of(make_parser()) if f"`dualstack {name}" not in page] == []
    assert "[all commands](docs/commands.md)" in README


def test_readme_has_what_ci_runs() -> None:
    """The README is short, and names the targets of the Makefile with which the project is shown and checked."""
    assert len(README.splitlines()) <= 60
    for target in ("run", "quick", "test", "exam"):
        assert f"`make {target}`" in README


def test_part_is_right(tmp_path: Path) -> None:
    """The example of configurations is valid when it follows the first example."""
    (part,) = set(EXAMPLES) - set(WHOLE)
    path = tmp_path / "service.toml"
    path.write_text(WHOLE[0] + part, encoding="utf-8")
    assert [subject.name for subject in subjects_of(path)] == ["shop/default", "shop/ipv4", "shop/local"]
    assert "`shop/ipv4`" in PAGE


def test_examples_show_what_they_are_for() -> None:
    """Each shows its feature: {bind}, peer_reply, {target}, {listen}, {url}, {store.port}, {token}, {ca}, proxy."""
    server, datagrams, client, daemon, fetcher, components, relay, tunnel, *more = map(tomllib.loads, WHOLE)
    grpc, chat, directory, camera, *others = more
    logger, mailer, secure, behind = others
    assert any("{target}" in text for text in relay["service"]["files"].values())
    assert relay["relay"][0]["listen"] == relay["listen"][0]["name"]
    assert tunnel["relay"][0]["tunnel"] == "socks5"
    assert [bool(item["advertises"]) for item in directory["listen"]] == [True, True]
    assert "{address}" in directory["listen"][1]["field"][0]["request"]
    assert "{address}" in behind["listen"][0]["proxy"]["trust"]
    assert (camera["listen"][0]["protocol"], camera["listen"][0]["path"]) == ("rtsp", "/live")
    assert chat["listen"][0]["websocket"]["origin"] == "http://{target}"
    assert "{listen}" in daemon["connect"][1]["files"]["proxy.conf"]
    assert "{ca}" in secure["connect"][0]["command"]
    assert re.search(grpc["listen"][0]["peer_reply"], "from ipv6:%5B2001:db8::1%5D:99 ")
    assert "{token}" in logger["listen"][0]["send"]
    assert "expect" not in mailer["connect"][0]["turns"][0]
    assert "{bind}" in server["service"]["command"]
    assert components["component"][0]["port"]
    assert any("{store.port}" in word for word in components["service"]["command"])
    assert server["listen"][0]["bind"]
    assert datagrams["listen"][0]["transport"] == "udp"
    assert datagrams["listen"][0]["peer_reply"]
    assert "listen" not in client
    assert "{url}" in fetcher["listen"][0]["fetch"]["request"]
    assert any("{target}" in word for item in client["connect"] for word in item["command"])


def test_peer_reply_of_the_example_fits_its_answer() -> None:
    """The pattern finds the addresses of both families in answers that the example expects."""
    listen = tomllib.loads(WHOLE[1])["listen"][0]
    for answer, address in (("you are 192.0.2.1:99", "192.0.2.1:99"), ("you are [2001:db8::1]:99", "2001:db8::1")):
        assert re.search(listen["expect"], answer)
        match = re.search(listen["peer_reply"], answer)
        assert match is not None
        assert match[1] == address


def test_reference_is_generated() -> None:
    """The page ends with what ``dualstack schema --markdown`` prints."""
    assert PAGE.endswith(reference().rstrip("\n") + "\n")
    assert reference().count("\n| `") > 50


def test_reference_names_every_key() -> None:
    """Each key of each table has a row in the reference, with its description."""
    tables = {name: item for name, item in SCHEMA["$defs"].items() if "properties" in item}
    assert len(tables) == 26
    text = reference()
    for table in tables.values():
        for key, field in table["properties"].items():
            assert re.search(rf"^\| `{key}` \|.*\| {re.escape(field['description'])} \|$", text, re.MULTILINE), key


def test_placeholders_are_explained() -> None:
    """Each placeholder that a manifest may use is in the table."""
    for name in (
        "bind",
        "port",
        "NAME.bind",
        "NAME.port",
        "host",
        "target",
        "source",
        "NAME.target",
        "target_host",
        "target_port",
        "scratch",
        "directory",
        "python",
        "address",
        "acl",
        "NAME.acl",
        "trusted",
        "NAME.trusted",
        "url",
        "certificate",
        "NAME.certificate",
        "key",
        "NAME.key",
        "ca",
    ):
        assert f"`{{{name}}}`" in PAGE, name


def test_page_names_only_what_exists() -> None:
    """The requirements that the page names exist."""
    named = set(re.findall(r"\b[A-Z]+-\d{3}\b", PAGE))
    assert named
    assert named <= set(requirements())


def test_template_is_right(tmp_path: Path) -> None:
    """The template that ``dualstack init`` writes is valid without a change."""
    path = tmp_path / "service.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    check_entries(subjects_of(path))


def uncommented(text: str) -> str:
    """Return the template with all commented keys and tables enabled; sentences stay comments."""
    return re.sub(r"^# (?=\[|[a-z0-9_]+ = )", "", text, flags=re.MULTILINE)


def test_template_is_right_when_everything_is_uncommented(tmp_path: Path) -> None:
    """Each commented key is valid too (send and expect with another protocol; each kind of image by itself).

    Keys of other protocols than exchange, or of another transport or trigger, are left out, and all but one way to find
    an address.
    """
    text = uncommented(TEMPLATE).replace('protocol = "http"', 'protocol = "exchange"')
    keys = "call|status|path|received_log|reply_port|signal|json_path|protobuf_path|skip|port_field"
    keys += "|sends_proxy|forwarded|tunnel"
    text = re.sub(rf"^(({keys}) = |exchange = true).*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\[listen\.websocket\]\n(.+\n)*", "", text, flags=re.MULTILINE)
    text = re.sub(r'^(build = "store"|dockerfile = ).*\n', "", text, flags=re.MULTILINE)  # it has image
    built = re.compile(r"^\[image\.dockerfile\].*\n(.+\n)*", re.MULTILINE)  # belongs to build
    table = text[text.index("[image]") : text.index("[ready]")]
    ways = {
        key: re.sub(rf"^(?!{key} )(name|build|base|packages) = .*\n", "", table, flags=re.MULTILINE)
        for key in ("base", "packages")
    }
    alone = {
        key: re.sub(rf"^(?!{key} )(name|build|base|packages|binary) = .*\n", "", table, flags=re.MULTILINE)
        for key in ("name", "build")
    }
    chosen = {key: one if key == "build" else built.sub("", one) for key, one in (alone | ways).items()}
    for key, one in chosen.items():
        path = tmp_path / f"{key}.toml"
        path.write_text(text.replace(table, one), encoding="utf-8")
        assert getattr(subjects_of(path)[0].manifest.image, key)
    text = text.replace(table, chosen["base"])
    path = tmp_path / "service.toml"
    path.write_text(text, encoding="utf-8")
    (subject,) = subjects_of(path)
    check_entries([subject])
    assert subject.manifest.known
    assert subject.manifest.exemption
    assert subject.manifest.connect


def test_protocols_are_named_as_the_registry_has_them() -> None:
    """The page says of each protocol what counts as served; the template lists those for listeners and connectors."""
    table = PAGE.partition("## What counts as served\n\n")[2].partition("\n\n")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")][1:]
    assert [name for cell in first for name in re.findall(r"`([a-z0-9-]+)`", cell)] == list(PROTOCOLS)
    lines = TEMPLATE.splitlines()
    whole = [line for line in lines if "; or exchange, with" in line]
    listen, connect = (
        re.findall(r"[a-z][a-z0-9-]+", line.partition("connect, ")[2].partition(";")[0]) for line in whole
    )
    declared = {"connect", "exchange", "oneway"}
    assert listen == [name for name in PROTOCOLS if name not in declared]
    assert connect == [item.name for item in served() if item.name not in declared]


def test_template_names_every_key() -> None:
    """Each key of each table is in the template, in its table, enabled or commented."""
    found = tomllib.loads(uncommented(TEMPLATE))
    places = {
        "Service": found["service"],
        "Image": found["image"],
        "Dockerfile": found["image"]["dockerfile"],
        "Container": found["image"]["container"],
        "Component": found["component"][0],
        "Ready": found["ready"],
        "Timeouts": found["timeouts"],
        "Limits": found["limits"],
        "Listen": found["listen"][0] | found["listen"][1],
        "Acl": found["listen"][0]["acl"],
        "Proxy": found["listen"][0]["proxy"],
        "Bind": found["listen"][0]["bind"],
        "WebSocket": found["listen"][0]["websocket"],
        "Advertises": found["listen"][0]["advertises"],
        "AddressField": found["listen"][0]["field"][0],
        "Relay": found["relay"][0],
        "Fetch": found["listen"][0]["fetch"],
        "Multicast": found["listen"][1]["multicast"],
        "Connect": found["connect"][0] | found["connect"][1] | found["connect"][2],
        "Turn": found["connect"][1]["turns"][0] | found["connect"][1]["turns"][1],
        "Trigger": found["connect"][2]["trigger"],
        "ListenTls": found["listen"][0]["tls"],
        "ConnectTls": found["connect"][0]["tls"],
        "Configuration": found["configuration"][0],
        "Exemption": found["exemption"][0],
        "Known": found["known"][0],
    }
    assert set(places) == {name for name, item in SCHEMA["$defs"].items() if "properties" in item}
    missing = {name: sorted(set(SCHEMA["$defs"][name]["properties"]) - set(table)) for name, table in places.items()}
    assert {name: keys for name, keys in missing.items() if keys} == {}
    assert set(SCHEMA["properties"]) <= set(found)


def faults(schema: dict[str, Any], data: object, where: str = "") -> list[str]:
    """Return the faults of data under one of our JSON schemas."""
    unknown = set(schema) - set(RULES) - {"title", "description", "default", "$defs"}
    assert not unknown, f"{where}: what does {unknown} mean?"
    return [fault for keyword in schema if keyword in RULES for fault in RULES[keyword](schema, data, where)]


def _reference(schema: dict[str, Any], data: object, where: str) -> list[str]:
    """Check data against a definition of manifests or topologies."""
    name = schema["$ref"].removeprefix("#/$defs/")
    return faults((SCHEMA["$defs"] | TOPOLOGY_SCHEMA["$defs"])[name], data, where)


def _type(schema: dict[str, Any], data: object, where: str) -> list[str]:
    """Check the type of data; a boolean is not a number."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": (str, dt.date),  # a date of TOML
        "object": dict,
        "array": list,
        "boolean": bool,
        "null": type(None),
        "integer": int,
        "number": (int, float),
    }
    kind = schema["type"]
    fits = isinstance(data, kinds[kind]) and (kind == "boolean" or not isinstance(data, bool))
    return [] if fits else [f"{where}: no {kind}"]


def _properties(schema: dict[str, Any], data: object, where: str) -> list[str]:
    """Check the keys of a table that the schema names."""
    if not isinstance(data, dict):
        return []
    table = schema["properties"]
    found = [f"{where}.{key}: missing" for key in schema.get("required", ()) if key not in data]
    return found + [fault for key in data if key in table for fault in faults(table[key], data[key], f"{where}.{key}")]


def _additional(schema: dict[str, Any], data: object, where: str) -> list[str]:
    """Check the keys of a table that the schema does not name."""
    rule = schema["additionalProperties"]
    extra = data.keys() - schema.get("properties", {}).keys() if isinstance(data, dict) else set()
    if rule is False:
        return [f"{where}.{key}: unknown" for key in extra]
    assert isinstance(data, dict)
    return [fault for key in extra for fault in faults(rule, data[key], f"{where}.{key}")]


def _pattern_keys(schema: dict[str, Any], data: object, where: str) -> list[str]:
    """Check the values of the keys that match a pattern."""
    rules = schema["patternProperties"].items()
    table = data if isinstance(data, dict) else {}
    return [
        fault
        for pattern, rule in rules
        for key in table
        if re.search(pattern, key)
        for fault in faults(rule, table[key], f"{where}.{key}")
    ]


def _items(schema: dict[str, Any], data: object, where: str) -> list[str]:
    """Check each element of a list."""
    elements = data if isinstance(data, list) else []
    return [fault for i, item in enumerate(elements) for fault in faults(schema["items"], item, f"{where}[{i}]")]


def _limit(keyword: str, fits: Callable[[float, float], bool]) -> Rule:
    """Return the rule of a limit: for a number its value, for a text or list its length."""

    def rule(schema: dict[str, Any], data: object, where: str) -> list[str]:
        """Check the limit."""
        if not isinstance(data, int | float | str | list):
            return []
        measured = data if isinstance(data, int | float) else len(data)
        return [] if fits(measured, schema[keyword]) else [f"{where}: {keyword} is {schema[keyword]}"]

    return rule


RULES: dict[str, Rule] = {
    "$ref": _reference,
    "type": _type,
    "enum": lambda schema, data, where: [] if data in schema["enum"] else [f"{where}: none of {schema['enum']}"],
    "const": lambda schema, data, where: [] if data == schema["const"] else [f"{where}: not {schema['const']}"],
    "anyOf": lambda schema, data, where: (
        [] if any(not faults(item, data, where) for item in schema["anyOf"]) else [f"{where}: no way fits"]
    ),
    "pattern": lambda schema, data, where: (
        [] if not isinstance(data, str) or re.search(schema["pattern"], data) else [f"{where}: does not match"]
    ),
    "properties": _properties,
    "required": lambda schema, data, where: [],  # noqa: ARG005 - checked with the properties
    "additionalProperties": _additional,
    "patternProperties": _pattern_keys,
    "items": _items,
    "format": lambda schema, data, where: [] if schema["format"] in {"path", "date"} else [f"{where}: unknown format"],  # noqa: ARG005 - any text is a path
    "minimum": _limit("minimum", ge),
    "exclusiveMinimum": _limit("exclusiveMinimum", gt),
    "maximum": _limit("maximum", le),
    "minItems": _limit("minItems", ge),
    "minLength": _limit("minLength", ge),
    "maxLength": _limit("maxLength", le),
}
"""The rule of each keyword that our schemas use (JSON Schema, draft 2020-12); other keywords are an error."""


MANIFESTS = sorted(path for path in (ROOT / "fixtures" / "services").rglob("*.toml") if path.name != "Cargo.toml")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_schema_accepts_our_manifests(path: Path) -> None:
    """An editor with the JSON schema accepts what the models accept."""
    assert faults(SCHEMA, tomllib.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("text", [*WHOLE, TEMPLATE, uncommented(TEMPLATE)])
def test_schema_accepts_the_examples(text: str) -> None:
    """It also accepts the examples and the template."""
    assert faults(SCHEMA, tomllib.loads(text)) == []


@pytest.mark.parametrize("name", topology_names())
def test_schema_accepts_topologies(name: str) -> None:
    """The schema of topologies accepts each of them."""
    data = tomllib.loads((ROOT / "topologies" / f"{name}.toml").read_text(encoding="utf-8"))
    assert faults(TOPOLOGY_SCHEMA, data) == []
    assert load_topology(name).name == name


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("port = 8080", "port = 70000", ".listen[0].port: maximum is 65535"),
        ("port = 8080", 'port = "8080"', ".listen[0].port: no integer"),
        ("port = 8080", "", ".listen[0].port: missing"),
        ("port = 8080", "port = 8080\nprot = 1", ".listen[0].prot: unknown"),
        ('protocol = "http"', 'protocol = "htpp"', ".listen[0].protocol: none of "),
        ("schema = 1", "schema = 2", ".schema: not 1"),
        ('"shop"', '"my shop"', ".service.name: does not match"),
        ('ipv4_any = "0.0.0.0"', "ipv4_any = 4", ".listen[0].bind"),
    ],
)
def test_schema_refuses(old: str, new: str, fault: str) -> None:
    """An editor with the JSON schema shows faults at their place."""
    assert old in WHOLE[0]
    found = faults(SCHEMA, tomllib.loads(WHOLE[0].replace(old, new, 1)))
    assert any(line.startswith(fault) for line in found), found


def test_schema_has_no_loose_end() -> None:
    """Each reference inside the schema has its definition, and the schema is valid JSON data."""
    text = json.dumps(SCHEMA)
    references = set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', text))
    assert references
    assert references <= set(SCHEMA["$defs"])


def test_no_path_of_a_machine() -> None:
    """No page of the documentation names a path of the machine that it was written on."""
    pages = sorted(DOCS.rglob("*.md"))
    assert pages
    assert [path.name for path in pages if re.search(r"/(home|work|root)/\w", path.read_text(encoding="utf-8"))] == []


PAGES = sorted({*ROOT.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("decisions/*.md")})
"""The documents of the repository; docs/generated has pages that ``make docs`` makes."""

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, in the form of GitHub and GitLab."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link of a document names a file of the repository and, after ``#``, a heading of it."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def test_index_of_decisions_is_complete() -> None:
    """The index names each decision once, with its number, in order; only the number 10 has no file."""
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| \[(\d+)\]\((\d{4}-[a-z0-9-]+\.md)\) \|", index, re.MULTILINE)
    files = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
    assert [file for _, file in named] == files
    assert [int(number) for number, _ in named] == [int(file[:4]) for file in files]
    assert set(range(1, len(files) + 2)) - {int(file[:4]) for file in files} == {10}


def test_architecture_names_only_what_exists() -> None:
    """The modules of the walks and the files to copy exist."""
    walks = ARCHITECTURE.split("## Four walks")[1].split("\n## ")[0]
    modules = {
        name for row in re.findall(r"^\| a .*$", walks, re.MULTILINE) for name in re.findall(r"`([a-z_/]+)`", row)
    }
    engine = ROOT / "src" / "dualstack"
    gone = {name for name in modules if not (engine / name).is_dir() and not (engine / f"{name}.py").exists()}
    assert len(modules) > 25
    assert gone == {"suites/"}  # the content's folder, where requirements are declared
    copied = re.findall(r"\| `([^`]+)` \|$", ARCHITECTURE.split("## Where to add")[1], re.MULTILINE)
    assert len(copied) > 10
    assert [name for name in copied if not (ROOT / name).is_file()] == []


def test_architecture_has_the_floors_of_the_law() -> None:
    """The table of floors names the rooms that the dependency law gives each floor, from the top down."""
    table = ARCHITECTURE.split("## Floors")[1].split("\n## ")[0]
    columns = [row.split("|")[2] for row in re.findall(r"^\|.*\|$", table, re.MULTILINE)][2:]
    rooms = [{name.split("/")[0] for name in re.findall(r"`([^`]+)`", column)} for column in columns]
    assert rooms[::-1] == [set(floor) - {"__main__"} for floor in FLOORS]


def test_glossary_is_in_order() -> None:
    """The terms of each table of the glossary are in alphabetical order, each once, each with its meaning."""
    glossary = (DOCS / "glossary.md").read_text(encoding="utf-8")
    for table in glossary.split("\n## ")[1:]:
        rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", table, re.MULTILINE)
        terms = [term for term, _ in rows if term != "term" and not term.startswith("-")]
        assert len(terms) > 30
        assert terms == sorted(set(terms), key=str.casefold)
        assert all(len(meaning) > 20 for term, meaning in rows if term in terms and term != "family")


SOURCES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src" / "dualstack").rglob("*.py")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_that_documents_name_exists(page: Path) -> None:
    """Each Python file and each attribute of a class that a document names in backticks is in the code."""
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`([\w/]+\.py)`(?!:\n)", text):  # before a colon: a file that the reader writes
        assert (ROOT / name).exists() or (ROOT / "src" / "dualstack" / name).exists(), name
    for kind, attribute in re.findall(r"`([A-Z]\w+)\.(\w+)`", text):
        homes = [source for source in SOURCES.values() if re.search(rf"^class {kind}\b", source, re.MULTILINE)]
        assert any(re.search(rf"\b{attribute}\b", source) for source in homes), f"{kind}.{attribute}"


AVOIDED = re.compile(
    r"\b(nobody|whom(ever)?|whoever|shall|of its own(?! \w)|of ours|falls? short|fell short|last words)\b"
    r"|\b(is told|goes on|comes to)\b|, say\b(?! where)",
    re.IGNORECASE,
)
"""Turns of phrase that a reader whose first language is not English reads twice."""

PLAIN = [page for page in PAGES if page.parent == ROOT or page.parent.name == "decisions"]
PLAIN += [page for page in PAGES if page.parent == DOCS and page.name != "systems.md"]


@pytest.mark.parametrize("page", PLAIN, ids=lambda page: str(page.relative_to(ROOT)))
def test_documents_are_in_plain_english(page: Path) -> None:
    """A document has none of the avoided phrases; what servers print (tables) is theirs."""
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if AVOIDED.search(line)] == []
