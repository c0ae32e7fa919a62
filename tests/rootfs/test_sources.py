"""The machine's apt sources are parsed, and only those of the distribution are used."""

from pathlib import Path

import pytest

from dualstack.rootfs.sources import Source, code_names, of_distribution, parse_lines, parse_stanzas, read_sources

DEB822 = """\
# a comment
Types: deb deb-src
# a comment inside a stanza
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://vendor.example/node_20.x
Suites: nodistro
Components: main
Signed-By: /usr/share/keyrings/vendor.gpg

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # a remark
deb [arch=amd64 signed-by=/usr/share/keyrings/vendor.gpg] https://vendor.example/apt bookworm main
deb-src http://mirror.example/debian bookworm main
deb https://flat.example/repository ./
deb broken
"""


def source(
    suite: str,
    *,
    uri: str = "http://mirror.example/debian",
    signed_by: str = "",
    components: tuple[str, ...] = ("main",),
) -> Source:
    """Return a source of that suite."""
    return Source(uri=uri, suite=suite, components=components, signed_by=signed_by)


def test_deb822_stanzas() -> None:
    """A stanza has one source for each suite; disabled stanzas and source packages have none."""
    found = parse_stanzas(DEB822)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert [(item.uri, item.suite, item.signed_by) for item in found] == [
        ("http://mirror.example/debian", "bookworm", keyring),
        ("http://mirror.example/debian", "bookworm-updates", keyring),
        ("https://vendor.example/node_20.x", "nodistro", "/usr/share/keyrings/vendor.gpg"),
    ]
    assert found[0].components == ("main", "contrib")


def test_deb822_key_inside_the_stanza() -> None:
    """A key in the stanza is read as a multi-line value."""
    text = "Types: deb\nURIs: http://v.example/\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN\n abc\n"
    assert "\n-----BEGIN\nabc" in parse_stanzas(text)[0].signed_by


def test_one_line_format() -> None:
    """Lines are read with options, suite and components; comments, source packages and broken lines are skipped."""
    found = parse_lines(ONE_LINE)
    assert [(item.uri, item.suite, item.components, item.signed_by) for item in found] == [
        ("http://mirror.example/debian", "bookworm", ("main", "contrib"), ""),
        ("https://vendor.example/apt", "bookworm", ("main",), "/usr/share/keyrings/vendor.gpg"),
        ("https://flat.example/repository", "./", (), ""),
    ]


def test_line_is_read_back() -> None:
    """The line of a source is read as the same source."""
    wanted = source("bookworm", signed_by="/usr/share/keyrings/debian-archive-keyring.gpg")
    assert parse_lines(wanted.line) == [wanted]


def test_both_formats_of_a_folder(tmp_path: Path) -> None:
    """All files of the configuration folder are read; a missing one is skipped."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "more.list").write_text(ONE_LINE)
    assert len(read_sources(tmp_path)) == 6


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian"\n', {"bookworm"}),
        ("ID=linuxmint\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n", {"wilma", "noble"}),
        ("ID=debian\nVERSION_ID=13\n", set()),
    ],
    ids=["debian", "derivative", "none"],
)
def test_code_names(text: str, names: set[str]) -> None:
    """The code names of the release and of its base are from os-release."""
    assert code_names(text) == names


@pytest.mark.parametrize(
    "wanted",
    [
        source("bookworm"),
        source("bookworm-security", signed_by="/usr/share/keyrings/debian-archive-keyring.gpg"),
        source("bookworm/updates"),
        source("stable"),
        source("noble-updates", signed_by="/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
        source("bookworm", signed_by="/etc/apt/keyrings/debian-archive-bookworm-automatic.gpg"),
    ],
    ids=lambda item: item.suite,
)
def test_sources_of_the_distribution_are_taken(wanted: Source) -> None:
    """The release, its updates and its security updates are used, each once."""
    assert of_distribution([wanted, wanted], {"bookworm", "noble"}) == [wanted]


@pytest.mark.parametrize(
    "other",
    [
        source("nodistro"),
        source("cloud-sdk-bookworm"),
        source("bookworm", signed_by="/usr/share/keyrings/vendor.gpg"),
        source("bookworm", signed_by="\n-----BEGIN PGP PUBLIC KEY BLOCK-----"),
        source("bookworm-backports"),
        source("trixie"),
        source("./", components=()),
        source("bookworm", uri="cdrom:[Debian]/"),
    ],
    ids=["vendor", "suffix", "vendor-key", "inline-key", "backports", "other-release", "flat", "cdrom"],
)
def test_other_sources_are_ignored(other: Source) -> None:
    """Sources of vendors, other releases and backports are not used."""
    assert of_distribution([other], {"bookworm"}) == []
