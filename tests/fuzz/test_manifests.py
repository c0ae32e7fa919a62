"""Manifests with any damage are right, or every fault is named with its line; never a traceback."""

import re
import tomllib
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from dualstack.cli.check import checked_subjects
from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.manifest.lines import lines_of
from dualstack.topology import read_topology
from tests.fuzz.damage import damaged

TEMPLATE = ROOT / "src" / "dualstack" / "manifest" / "template.toml"
MANIFESTS = [*sorted((ROOT / "fixtures" / "services" / "real").glob("*.toml"))[:8], TEMPLATE]
TOPOLOGIES = sorted((ROOT / "topologies").glob("*.toml"))

VALUES = [
    "1", "-1", "0", "1.5", "nan", "true", '""', '"x"', '"a b"', "[]", "[1]",
    '["x"]', '[""]', "[[]]", "{}", "{ a = 1 }",
    "[{}]", "1979-05-27", '"{x}"', '"\\u0000"', '"("', '"udp"', '"ipv6"', '["ipv6", "ipv6"]',
    '"é→"', "10000000000000000000",
]  # fmt: skip
KEYS = ["name", "port", "prot", "bind", "any", "deny", "send", "expect", "command", "families", "files", '"a b"', "x.y"]
HEADS = ["[service]", "[[listen]]", "[listen]", "[[connect]]", "[image]", "[listen.bind]", "[listen.acl]", "[[known]]",
         "[listen.fetch]", "[[configuration]]", "[[exemption]]", "[ready]", "[x]", "[[timeouts]]"]  # fmt: skip


@st.composite
def edited(draw: st.DrawFn, text: str) -> str:
    """Return the text after one to five edits of its lines, such as people make."""
    rows = [row for row in text.splitlines() if row.strip()]
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(rows) - 1)) if rows else 0
        key, _, _ = (rows[at] if rows else "x = 1").partition("=")
        match draw(st.sampled_from(["value", "key", "head", "remove", "double", "uncomment"])):
            case "value":
                rows[at : at + 1] = [f"{key.strip() or 'x'} = {draw(st.sampled_from(VALUES))}"]
            case "key":
                rows.insert(at, f"{draw(st.sampled_from(KEYS))} = {draw(st.sampled_from(VALUES))}")
            case "head":
                rows.insert(at, draw(st.sampled_from(HEADS)))
            case "remove":
                del rows[at : at + 1]
            case "double":
                rows[at:at] = rows[at : at + 1]
            case "uncomment":
                rows[at : at + 1] = [row.lstrip("# ") for row in rows[at : at + 1]]
    return "\n".join(rows) + "\n"


def check(path: Path, data: bytes) -> None:
    """Check a manifest; messages about a wrong one name the file and, if it is TOML, the line."""
    path.write_bytes(data)
    try:
        checked_subjects(path)
    except UsageError as error:
        for said in str(error).splitlines():
            match = re.match(rf"{re.escape(str(path))}:(?:(\d+): | )", said)
            assert match is not None, said
            assert match[1] is None or 1 <= int(match[1]) <= data.count(b"\n") + 1


@given(text=st.sampled_from(MANIFESTS).flatmap(lambda path: edited(path.read_text(encoding="utf-8"))))
@example(text="schema = 1\nservice = 3\nlisten = {}\nconnect = [[]]\n")
@example(
    text='schema = 1\n[service]\nname = "x"\n[[listen]]\nname = 1\nport = "x"\nbind = []\n[[known]]\nelements = [1]\n'
)
@example(text="x = " + "[" * 5000 + "]" * 5000 + "\n")
def test_an_edited_manifest_is_right_or_refused(folder: Path, text: str) -> None:
    """Wrong values, keys and tables, lines that lack and lines that come twice are named, with their lines."""
    check(folder / "service.toml", text.encode())


@given(data=st.sampled_from(MANIFESTS).flatmap(lambda path: damaged(path.read_bytes())))
def test_a_damaged_manifest_is_right_or_refused(folder: Path, data: bytes) -> None:
    """Cut, flipped and foreign bytes are named."""
    check(folder / "service.toml", data)


@given(data=st.sampled_from(TOPOLOGIES).flatmap(lambda path: damaged(path.read_bytes())))
def test_a_damaged_topology_is_right_or_refused(folder: Path, data: bytes) -> None:
    """So are those of a topology."""
    path = folder / "world.toml"
    path.write_bytes(data)
    try:
        read_topology(path)
    except UsageError as error:
        assert all(said.startswith(f"{path}:") for said in str(error).splitlines())  # noqa: PT017 - all messages


@given(text=st.sampled_from(MANIFESTS).flatmap(lambda path: edited(path.read_text(encoding="utf-8"))))
def test_every_key_has_its_line(text: str) -> None:
    """Each key of any TOML has a line, on which it stands."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = lines_of(text)
    rows = text.splitlines()
    for key in data:
        assert key in rows[lines[key,] - 1]
    assert all(isinstance(key[-1], int) or key[-1] in rows[line - 1] for key, line in lines.items())
