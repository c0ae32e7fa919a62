"""Wrong input: the run says which file, which key and what is allowed, before it starts anything; exit code 2."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.conftest import Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
SERVE = "serve(bound())"


def with_program(program: str) -> Callable[["Site"], list[str | Path]]:
    """Return how to make a manifest whose program is ``program``."""

    def make(site: "Site") -> list[str | Path]:
        path = site.service("faulty", SERVE)
        return [site.manifest("faulty", path.read_text().replace('"{python}"', f'"{program}"'))]

    return make


def changed(old: str, new: str) -> Callable[["Site"], list[str | Path]]:
    """Return how to make a manifest in which ``old`` is replaced."""

    def make(site: "Site") -> list[str | Path]:
        text = site.service("faulty", SERVE).read_text()
        assert old in text
        return [site.manifest("faulty", text.replace(old, new))]

    return make


def not_executable(site: "Site") -> list[str | Path]:
    """A program that lacks its x bit."""
    (site.folder / "plain").write_text("#!/bin/sh\n")
    return with_program("./plain")(site)


def a_folder(site: "Site") -> list[str | Path]:
    """A program that is a folder."""
    (site.folder / "folder").mkdir()
    return with_program("./folder")(site)


def a_port_twice(site: "Site") -> list[str | Path]:
    """Two listeners of one manifest on one port."""
    text = site.service("faulty", SERVE).read_text()
    return [site.manifest("faulty", text + '[[listen]]\nname = "other"\nport = 7007\n')]


def a_name_twice(site: "Site") -> list[str | Path]:
    """Two manifests whose services have one name."""
    path = site.service("faulty", SERVE)
    return [path, site.manifest("other", path.read_text())]


def no_such_file(site: "Site") -> list[str | Path]:
    """A manifest that does not exist, and is a folder."""
    return [site.folder / "absent.toml", site.folder]


def options(*words: str) -> Callable[["Site"], list[str | Path]]:
    """Return how to run a correct service with these options."""
    return lambda site: [*words, site.service("faulty", SERVE)]


def many_options_for_nothing(site: "Site") -> list[str | Path]:
    """Each requirement and topology exists, but no requirement runs on any of the topologies."""
    words = ["--topology", "ipv6-only-strict", "--topology", "ipv4-only-disable-ipv6"] * 75
    return [*words, *["--requirement", "LISTEN-005", "--requirement", "LISTEN-006"] * 75, site.service("faulty", SERVE)]


FAULTS: dict[str, tuple[Callable[["Site"], list[str | Path]], tuple[str, ...]]] = {
    "a program that is not there": (
        with_program("./absent"),
        ("faulty.toml:", "service.command: './absent': no such file in "),
    ),
    "a program that is not in PATH": (
        with_program("no-such-program"),
        ("service.command: 'no-such-program': not in PATH", "service.packages"),
    ),
    "a program that may not be executed": (
        not_executable,
        ("service.command: './plain': not executable: chmod +x ",),
    ),
    "a program that is a folder": (a_folder, ("service.command: './folder': a folder",)),
    "a key with a typo": (changed("port = 7007", "prot = 7007"), ("faulty.toml", "listen[0].prot", "'port'")),
    "a value of the wrong kind": (changed("port = 7007", 'port = "7007"'), ("faulty.toml", "listen[0].port", "'7007'")),
    "broken TOML": (changed("[[listen]]", "[[listen]"), ("faulty.toml", "line ")),
    "no such file": (no_such_file, ("absent.toml: ", "site: ")),
    "one port for two listeners": (
        a_port_twice,
        ("faulty.toml", "listen[1].port: found 7007, which is already the tcp port of listen[0]"),
    ),
    "one name for two services": (a_name_twice, ("two services are called 'faulty'", "faulty.toml", "other.toml")),
    "a topology with a typo": (options("--topology", "dual-stak"), ("'dual-stak'", "'dual-stack'")),
    "a requirement with a typo": (options("--requirement", "LISTEN-01"), ("'LISTEN-01'", "LISTEN-0")),
    "options that leave nothing": (
        many_options_for_nothing,
        ("no case to run", "requirements and topologies"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_input_is_named(site: "Site", fault: str) -> None:
    """The exit code is 2; file, key, what was found and what is allowed are named, and nothing is run."""
    make, words = FAULTS[fault]
    done = site.run(*make(site))
    assert done.code == 2, done
    assert done.out == ""
    for word in words:
        assert word in done.err, done.err
    assert done.err.startswith("dualstack: ")
    assert "Traceback" not in done.err
    assert not (site.results / "latest" / "records.jsonl").exists()


def test_every_fault_of_every_manifest_is_named(site: "Site") -> None:
    """Two manifests with a fault each: one run names both."""
    one = changed("port = 7007", "prot = 7007")(site)[0]
    other = site.manifest("second", Path(one).read_text().replace("faulty", "second").replace("protocol", "protokol"))
    done = site.run(one, other)
    assert done.code == 2
    assert "faulty.toml" in done.err
    assert "prot" in done.err
    assert "second.toml" in done.err
    assert "protokol" in done.err


def test_a_folder_called_latest_is_left_alone(site: "Site") -> None:
    """A folder where the link to the newest run would be is an error that names it."""
    (site.results / "latest").mkdir(parents=True)
    (site.results / "latest" / "precious").touch()
    done = site.run(*ONE_CASE, site.service("correct", SERVE))
    assert done.code == 2
    assert f"{site.results / 'latest'}: cannot be made a link to the newest run" in done.err
    assert [path.name for path in site.results.iterdir()] == ["latest"]
