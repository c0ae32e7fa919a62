"""``dualstack init`` and ``dualstack check``: a manifest to begin with, and every fault of it."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

SERVER = """\
schema = 1
[service]
name = "made-up"
command = ["{python}", "-c", "pass", "{bind}"]
[[listen]]
name = "main"
port = 8080
[listen.bind]
any = "::"
"""


BIND_UNUSED = "configuration[0].bind: {bind} is not used in this configuration; add it to the command, environment or "

Command = Callable[..., CompletedProcess[str]]
"""How ``dualstack`` is run."""


def write(folder: Path, text: str, name: str = "service.toml") -> Path:
    """Write a manifest."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def fault(done: CompletedProcess[str]) -> str:
    """Return the message of a command that was used wrongly, after checking that there is nothing else."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_init_writes_a_manifest(dualstack: Command, tmp_path: Path) -> None:
    """A first manifest is written; once its program exists, it is right."""
    done = dualstack("init")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "service.toml written; edit it, then: dualstack check service.toml\n"
    server = tmp_path / "server"
    server.touch()
    assert "service.command: './server': not executable: chmod +x " in fault(dualstack("check", "service.toml"))
    server.chmod(0o755)
    done = dualstack("check", "service.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path}/service.toml: ok: my-service: main (tcp 8080: IPv4 and IPv6); ")


def test_init_does_not_overwrite(dualstack: Command, tmp_path: Path) -> None:
    """An existing file is only replaced when that is asked for."""
    path = write(tmp_path, "mine")
    assert fault(dualstack("init")) == "dualstack: service.toml: exists already; --force replaces it\n"
    assert path.read_text(encoding="utf-8") == "mine"
    assert dualstack("init", "--force").returncode == 0
    assert path.read_text(encoding="utf-8").startswith("# What dualstack is to verify.")


def test_init_where_nothing_can_be_written(dualstack: Command) -> None:
    """A folder that does not exist is named."""
    assert fault(dualstack("init", "no/such/x.toml")) == (
        "dualstack: no/such/x.toml: cannot be written: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "port = 8080",
            "prot = 8080",
            "listen[0].prot: unknown key; did you mean 'port'? (allowed: acl, advertises, bind, ",
        ),
        ("port = 8080", "port = 99999", "listen[0].port: found 99999; allowed: 65535 or less"),
        ('"made-up"', '"mäde up"', "service.name: found 'mäde up'; allowed: a text that matches "),
        ("schema = 1", "schema = 1.5", "schema: found 1.5; allowed: 1"),
        ('"{bind}"', '"{bnid}"', "unknown placeholder {bnid} in '{bnid}'; allowed: {acl}, {bind}, "),
        ('"{bind}"', '"x"', "listen[0].bind: [listen.bind] is set, but {bind} is not used; add it to the command"),
        ('any = "::"', "", "listen[0].bind: {bind} is used, but [listen.bind] has no address for what it claims, "),
        ('"{python}", "-c"', '"./no-such"', "service.command: './no-such': no such file in "),
        ('"{python}", "-c"', '"no-such-prog"', "service.command: 'no-such-prog': not in PATH; give a path (\"./"),
        ('"{python}", "-c"', '"/"', "service.command: '/': a folder"),
        ("[[listen]]", 'directory = "gone"\n[[listen]]', "service.directory: 'gone': no such folder"),
        (
            "[[listen]]",
            '[[connect]]\nname = "c"\ncommand = ["./dial", "{host}"]\n[[listen]]',
            "connect[0].command: './dial': no such file in ",
        ),
        (
            "[[listen]]",
            '[[known]]\nrequirement = "LISTEN-055"\nreason = "some reason"\n[[listen]]',
            "known[0].requirement[0]: found 'LISTEN-055', which does not exist; did you mean 'LISTEN-015'? (dualstack",
        ),
        (
            "[[listen]]",
            '[[exemption]]\nrequirement = "LISTEN-004"\ntopologies = ["ipv4-only"]\nreason = "some reason"\n[[listen]]',
            "exemption[0].topologies[0]: found 'ipv4-only'; LISTEN-004 runs on: ipv4-only-no-af-inet6; did you mean ",
        ),
        ("schema = 1", "schema = ", "not TOML: Invalid value (at line 1, column 10)"),
        (
            'name = "main"',
            "name = main",
            'not TOML: Invalid value (at line 6, column 8); write texts in quotes: "main"\n',
        ),
        (
            "port = 8080",
            "port = 8080\nport = 1",
            "Cannot overwrite a value (at line 8, column 9); this table has the key ",
        ),
        ("schema = 1\n", "", ":1: schema: missing; write schema = 1 above the first table\n"),
        ("port = 8080", 'port = "8080"', "found '8080'; allowed: a whole number; write 8080 without quotes\n"),
        ("port = 8080", 'port = 8080\nfamilies = "ipv6"', "found 'ipv6'; allowed: a list; write [\"ipv6\"]\n"),
        ("port = 8080", 'port = 8080\n[[configuration]]\nname = "a"\nbind = "::"\ncommand = ["true"]', BIND_UNUSED),
    ],
)
def test_check_names_the_fault(dualstack: Command, tmp_path: Path, old: str, new: str, message: str) -> None:
    """File, key, what was found and what is allowed are named on stderr, and nothing else is printed."""
    assert old in SERVER
    path = write(tmp_path, SERVER.replace(old, new))
    text = fault(dualstack("check", path))
    assert text.startswith(f"dualstack: {path}:")
    assert message in text


def test_a_file_that_is_no_manifest(dualstack: Command, tmp_path: Path) -> None:
    """A mistyped name gets the nearest file, a folder the manifests in it, a program the command that tries it."""
    write(tmp_path, SERVER, "shop.toml")
    assert fault(dualstack("check", "shp.toml")).endswith(": No such file or directory; did you mean 'shop.toml'?\n")
    assert fault(dualstack("check", "other")).endswith(": No such file or directory; there is: shop.toml\n")
    assert fault(dualstack("check", ".")).endswith(": Is a directory; name a file in it: shop.toml\n")
    write(tmp_path, "import socket\n", "shop.py")
    assert "shop.py:1: not TOML: " in (text := fault(dualstack("check", "shop.py")))
    assert text.endswith("; to test a program without a manifest: dualstack try -- COMMAND\n")


@pytest.mark.parametrize("command", ["run", "survey", "check"])
def test_every_command_refuses_a_wrong_manifest_alike(dualstack: Command, tmp_path: Path, command: str) -> None:
    """A missing program and a typo end each command before anything is started, and leave nothing."""
    missing = write(tmp_path, SERVER.replace('"{python}", "-c"', '"./no-such"'))
    assert fault(dualstack(command, missing)) == (
        f"dualstack: {missing}:4: service.command: './no-such': no such file in {tmp_path}\n"
    )
    typo = write(tmp_path, SERVER.replace("port", "prot"))
    assert "listen[0].prot: unknown key" in fault(dualstack(command, typo))
    assert [path.name for path in tmp_path.iterdir()] == ["service.toml"]


def test_check_names_the_faults_of_all(dualstack: Command, tmp_path: Path) -> None:
    """Each of several manifests is checked: valid ones are confirmed, faults of the others are shown."""
    first = write(tmp_path, SERVER.replace("8080", "0"), "a.toml")
    good = write(tmp_path, SERVER, "b.toml")
    last = write(tmp_path, "", "c.toml")
    done = dualstack("check", first, good, last, tmp_path / "d.toml")
    assert done.returncode == 2
    assert done.stdout.startswith(f"{good}: ok: made-up: ")
    found = re.findall(r"^(?:dualstack: )?(/.*?):", done.stderr, re.MULTILINE)
    assert [*dict.fromkeys(found)] == [str(first), str(last), f"{tmp_path}/d.toml"]


def test_check_names_every_fault(dualstack: Command, tmp_path: Path) -> None:
    """What the keys say, what the files hold and what the requirements are is checked together, in the lines' order."""
    text = SERVER.replace('"{python}", "-c"', '"./no-such", "{bnid}"').replace("[listen.bind]", "[listen.acl]")
    text = text.replace('any = "::"', 'deny = "all"') + '[[known]]\nrequirement = ["LISTEN-005", "LISTEN-404"]\n'
    text += 'topologies = ["ipv4-only"]\nreason = "some reason"\n'
    text += '[[connect]]\nname = "a"\ncommand = ["./gone", "{host}"]\n'
    path = write(tmp_path, text)
    lines = fault(dualstack("check", path)).removeprefix("dualstack: ").splitlines()
    assert [re.sub(rf"^{re.escape(str(path))}:(\d+: .+?): .*", r"\1", line) for line in lines] == [
        "4: service.command[1]",
        "4: service.command",
        "5: listen[0].bind",
        "8: listen[0].acl",
        "9: listen[0].acl.deny",
        "11: known[0].requirement[1]",
        "12: known[0].topologies[0]",
        "16: connect[0].command",
    ]


CONFIGURED = (
    SERVER
    + """\
[[exemption]]
requirement = "LISTEN-009"
reason = "one socket is enough"
[[configuration]]
name = "both"
[[configuration]]
name = "old"
families = ["ipv4"]
bind = "0.0.0.0"
"""
)


def test_check_says_what_does_not_apply(dualstack: Command, tmp_path: Path) -> None:
    """Each reason for which requirements do not apply is one line, which names them, and where it holds."""
    done = dualstack("check", write(tmp_path, CONFIGURED))
    first, second, *reasons = done.stdout.splitlines()
    for line in (first, second):
        match = re.search(r"; (\d+) of (\d+) cases apply$", line)
        assert match is not None
        assert 0 < int(match[1]) < int(match[2])
    assert "    not applicable: one socket is enough: LISTEN-009" in reasons
    assert any(re.fullmatch(r"    not applicable: it is not UDP: (\S+, )+UDP-001, .*", line) for line in reasons)
    assert any(line.startswith("    not applicable: it does not claim IPv6 (made-up/old): ") for line in reasons)
    said = [line.partition(": ")[2].rpartition(": ")[0] for line in reasons]
    assert len(said) == len(set(said))


def test_paths_with_spaces_and_non_ascii(dualstack: Command, tmp_path: Path) -> None:
    """A manifest, its folder and its program may have any name."""
    path = write(tmp_path, SERVER.replace('"{python}", "-c"', '"./der größte server"'), "my folder ✗/größe 日本.toml")
    assert f"{path}:4: service.command: './der größte server': no such file in " in fault(dualstack("check", path))
    program = path.parent / "der größte server"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    done = dualstack("check", path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{path}: ok: made-up: ")


def test_file_name_that_is_not_utf8(dualstack: Command, tmp_path: Path) -> None:
    """A file's name may be bytes that are no UTF-8 (PEP 383); it is printed with them spelt out."""
    name = b"caf\xe9.toml".decode("utf-8", "surrogateescape")
    write(tmp_path, SERVER, name)
    done = dualstack("check", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert "/caf\\xe9.toml: ok: made-up: " in done.stdout
