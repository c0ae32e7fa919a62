"""Subjects: a manifest in each of its configurations, and what its placeholders stand for."""

import sys
from pathlib import Path

import pytest

from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.manifest import Listen, Reach, Subject, subjects_of
from dualstack.manifest.subject import default_spelling, filled

PLAIN = """\
schema = 1
[service]
name = "made-up"
command = ["./server", "{bind}:{port}", "{second.bind}:{second.port}"]
environment = { LEVEL = "info" }
files = { "a.conf" = "one" }
[[listen]]
name = "main"
port = 8080
[listen.bind]
any = ["::", "[::]"]
ipv4_any = "0.0.0.0"
ipv6_any = "[::]"
[[listen]]
name = "second"
port = 8081
[listen.bind]
any = ""
"""

CONFIGURED = """
[[configuration]]
name = "both"
[[configuration]]
name = "v4"
families = ["ipv4"]
command = ["./server", "-4", "{port}", "{bind}", "{second.bind}"]
environment = { MODE = "4" }
files = { "a.conf" = "two", "b.conf" = "three" }
[[configuration]]
name = "fixed"
bind = "192.0.2.1"
"""


def manifest(tmp_path: Path, text: str) -> Path:
    """Write a manifest."""
    path = tmp_path / "service.toml"
    path.write_text(text, encoding="utf-8")
    return path


def one(tmp_path: Path, text: str) -> Subject:
    """Return the only subject of a manifest."""
    (subject,) = subjects_of(manifest(tmp_path, text))
    return subject


def test_without_configurations(tmp_path: Path) -> None:
    """A manifest without configurations is one subject, with the service's own name."""
    subject = one(tmp_path, PLAIN)
    assert (subject.name, subject.configuration) == ("made-up", "")
    assert subject.directory == tmp_path.resolve()
    assert subject.listener("second").port == 8081


def test_one_for_each_configuration(tmp_path: Path) -> None:
    """Each configuration is a subject that overrides what it names and keeps the rest."""
    both, four, fixed = subjects_of(manifest(tmp_path, PLAIN + CONFIGURED))
    assert [subject.name for subject in (both, four, fixed)] == ["made-up/both", "made-up/v4", "made-up/fixed"]
    assert both.command == fixed.command
    assert four.command == ("./server", "-4", "{port}", "{bind}", "{second.bind}")
    assert [tuple(item.families) for item in four.listen] == [(Family.IPV4,)] * 2
    assert [tuple(item.families) for item in both.listen] == [BOTH] * 2
    assert four.environment == {"LEVEL": "info", "MODE": "4"}
    assert four.files == {"a.conf": "two", "b.conf": "three"}
    assert both.files == {"a.conf": "one"}


def test_only_those_asked_for(tmp_path: Path) -> None:
    """Configurations can be chosen; one that does not exist is refused with the nearest."""
    path = manifest(tmp_path, PLAIN + CONFIGURED)
    assert [subject.configuration for subject in subjects_of(path, ["fixed"])] == ["fixed"]
    with pytest.raises(UsageError, match=r"no configuration 'fxied' \(it has: both, v4, fixed\); did you mean 'fixed'"):
        subjects_of(path, ["fxied"])
    with pytest.raises(UsageError, match=r"no configuration 'v4' \(it has: none\)$"):
        subjects_of(manifest(tmp_path, PLAIN), ["v4"])


def test_fingerprints_differ(tmp_path: Path) -> None:
    """Every configuration has a fingerprint of its own, the same each time."""
    path = manifest(tmp_path, PLAIN + CONFIGURED)
    prints = [subject.fingerprint for subject in subjects_of(path)]
    assert len(set(prints)) == 3
    assert prints == [subject.fingerprint for subject in subjects_of(path)]


def test_values(tmp_path: Path) -> None:
    """The first listener's values have short names; each listener's have its name before them."""
    subject = one(tmp_path, PLAIN)
    values = subject.values(scratch="/scratch")
    assert values == {
        "scratch": "/scratch",
        "directory": str(tmp_path.resolve()),
        "python": sys.executable,
        "bind": "::",
        "port": "8080",
        "acl": "",
        "main.acl": "",
        "second.acl": "",
        "main.bind": "::",
        "main.port": "8080",
        "second.bind": "",
        "second.port": "8081",
    }
    assert filled(subject.command or (), values) == ["./server", ":::8080", ":8081"]


def test_values_of_a_start_that_is_told_otherwise(tmp_path: Path) -> None:
    """A start may say where a listener listens; the others keep their default."""
    values = one(tmp_path, PLAIN).values(scratch="/s", binds={"main": "192.0.2.1"})
    assert (values["bind"], values["main.bind"], values["second.bind"]) == ("192.0.2.1", "192.0.2.1", "")


def test_port_in_a_spelling(tmp_path: Path) -> None:
    """A spelling may name its listener's own port, once for each entry that it stands for; no other placeholder."""
    pair = "0.0.0.0:{port}; listen [::]:{port} {scratch}"
    values = one(tmp_path, PLAIN).values(scratch="/s", binds={"main": pair, "second": "{port}"})
    assert values["bind"] == values["main.bind"] == "0.0.0.0:8080; listen [::]:8080 {scratch}"
    assert values["second.bind"] == "8081"


def test_acl_is_open_unless_a_start_is_told_otherwise(tmp_path: Path) -> None:
    """{acl} stands for what serves everybody; a start may say something else."""
    text = PLAIN + '[listen.acl]\nopen = "all"\nallow = "{address}"\n'
    subject = one(tmp_path, text.replace("{second.bind}:", "{second.acl}:{second.bind}:"))
    assert subject.values(scratch="/s")["second.acl"] == "all"
    values = subject.values(scratch="/s", acls={"second": "192.0.2.1"})
    assert (values["second.acl"], values["main.acl"]) == ("192.0.2.1", "")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("{second.bind}:", "{second.acl}:{second.bind}:", r"listen\[1\].acl: missing, but {second.acl} needs it"),
        ("{bind}:", "{acl}:{bind}:", r"listen\[0\].acl: missing, but {acl} needs it"),
        (
            "port = 8080",
            'port = 8080\nacl.deny = "{address}"',
            r"listen\[0\].acl: \[listen.acl\] is set, but no {acl} is used",
        ),
    ],
)
def test_acl_needs_its_placeholder(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A placeholder without the table and the table without a placeholder are refused."""
    with pytest.raises(UsageError, match=fault):
        one(tmp_path, PLAIN.replace(old, new))


def test_bind_of_a_configuration(tmp_path: Path) -> None:
    """A configuration's bind is what {bind} stands for, and no other spelling is left to be tried."""
    fixed = subjects_of(manifest(tmp_path, PLAIN + CONFIGURED), ["fixed"])[0]
    assert fixed.values(scratch="/s")["bind"] == "192.0.2.1"
    assert [item.bind for item in fixed.listen] == [None, None]


@pytest.mark.parametrize(
    ("families", "bind", "spelling"),
    [
        (["ipv4", "ipv6"], {"any": ["*", "::"], "ipv6_any": "[::]"}, "*"),
        (["ipv4", "ipv6"], {"ipv6_any": "[::]", "ipv4_any": "0.0.0.0"}, "[::]"),
        (["ipv4"], {"any": "*", "ipv4_any": "0.0.0.0"}, "0.0.0.0"),
        (["ipv4"], {"any": "*"}, "*"),
        (["ipv6"], {"any": "*", "ipv6_any": "::"}, "::"),
        (["ipv6"], {"any": "*", "ipv4_any": "0.0.0.0"}, "*"),
        (["ipv4"], None, ""),
    ],
)
def test_default_spelling(families: list[str], bind: object, spelling: str) -> None:
    """The default is the first spelling that covers what the listener claims, and no more where there is one."""
    listener = Listen.model_validate({"name": "a", "port": 1, "families": families, "bind": bind})
    assert default_spelling(listener) == spelling


@pytest.mark.parametrize(
    ("families", "bind", "spelling"),
    [
        (["ipv4", "ipv6"], {"any": "*", "localhost": ["localhost", "lo"]}, "localhost"),
        (["ipv4"], {"ipv4_any": "0.0.0.0", "ipv4_address": "tcp:{address}"}, "tcp:127.0.0.1"),
        (["ipv6"], {"ipv6_any": "::", "ipv6_address": ["[{address}]", "{address}"]}, "[::1]"),
        (["ipv4", "ipv6"], {"any": "*", "ipv4_address": "{address}"}, ""),
        (["ipv4"], {"any": "*", "localhost": "localhost"}, ""),
    ],
)
def test_default_spelling_for_loopback(families: list[str], bind: object, spelling: str) -> None:
    """A loopback listener is told its loopback addresses, and never a wildcard for want of another spelling."""
    data = {"name": "a", "port": 1, "families": families, "bind": bind, "reach": "loopback"}
    assert default_spelling(Listen.model_validate(data)) == spelling


def test_reach_of_a_configuration(tmp_path: Path) -> None:
    """Listeners are for the network unless they or a configuration say otherwise; a configuration has the last word."""
    text = PLAIN.replace('name = "second"', 'name = "second"\nreach = "loopback"').replace(
        "[listen.bind]", '[listen.bind]\nlocalhost = "localhost"'
    )
    text += '[[configuration]]\nname = "plain"\n[[configuration]]\nname = "network"\nreach = "network"\n'
    text += '[[configuration]]\nname = "local"\nreach = "loopback"\nfamilies = ["ipv6"]\nbind = "::1"\n'
    plain, network, local = subjects_of(manifest(tmp_path, text))
    assert [item.reach for item in plain.listen] == [Reach.NETWORK, Reach.LOOPBACK]
    assert [item.reach for item in network.listen] == [Reach.NETWORK] * 2
    assert [item.reach for item in local.listen] == [Reach.LOOPBACK] * 2


@pytest.mark.parametrize(
    ("families", "keys"), [("", "localhost"), ('families = ["ipv6"]\n', "ipv6_address")], ids=["both", "one"]
)
def test_loopback_without_a_spelling(tmp_path: Path, families: str, keys: str) -> None:
    """A loopback listener that is told where to listen needs a spelling for that; the error names the key."""
    text = 'schema = 1\n[service]\nname = "x"\ncommand = ["./x", "{bind}"]\n[[listen]]\nname = "m"\nport = 1\n'
    text += f'reach = "loopback"\n{families}[listen.bind]\nany = "*"\n'
    with pytest.raises(UsageError, match=rf"but \{{bind\}} needs one; allowed: {keys}$"):
        one(tmp_path, text)


def test_where_the_service_is_told_nothing(tmp_path: Path) -> None:
    """Spellings that no placeholder hands to the service are refused."""
    with pytest.raises(UsageError) as raised:
        one(tmp_path, PLAIN.replace("{second.bind}:", ""))
    assert str(raised.value).endswith(
        "service.toml:17: listen[1].bind: nothing tells the service where to listen; put {second.bind} into its "
        "command, environment or files, or leave [listen.bind] out"
    )


def test_where_bind_stands_for_nothing(tmp_path: Path) -> None:
    """A placeholder for which there is no spelling is refused."""
    text = PLAIN.replace('any = ["::", "[::]"]\n', "").replace('ipv6_any = "[::]"\n', "")
    with pytest.raises(UsageError) as raised:
        one(tmp_path, text)
    assert str(raised.value).endswith(
        "listen[0].bind: no spelling for what it claims, IPv4 and IPv6, but {bind} needs one; allowed: any"
    )
    narrow = text + '[[configuration]]\nname = "v6"\nfamilies = ["ipv6"]\n'
    with pytest.raises(
        UsageError, match=r"IPv6, but \{bind\} needs one \(configuration 'v6'\); allowed: ipv6_any or any"
    ):
        one(tmp_path, narrow)


def test_bind_may_stand_in_environment_and_files(tmp_path: Path) -> None:
    """A service may be told by a variable or by a file."""
    text = PLAIN.replace('"info"', '"{bind}"').replace('"one"', '"listen {second.bind}"')
    text = text.replace(', "{bind}:{port}", "{second.bind}:{second.port}"', "")
    assert one(tmp_path, text).command == ("./server",)


def test_directory_must_exist(tmp_path: Path) -> None:
    """A working directory is relative to the manifest, and must be there."""
    text = PLAIN.replace('name = "made-up"', 'name = "made-up"\ndirectory = "søb dir"', 1)
    with pytest.raises(UsageError, match=r"service\.toml:4: service\.directory: found 'søb dir', no such folder"):
        one(tmp_path, text)
    (tmp_path / "søb dir").mkdir()
    assert one(tmp_path, text).directory == tmp_path.resolve() / "søb dir"


def test_a_service_may_only_dial_out(tmp_path: Path) -> None:
    """A manifest without listeners needs no command of the service."""
    subject = one(tmp_path, 'schema = 1\nservice.name = "x"\n[[connect]]\nname = "c"\ncommand = ["./c", "{target}"]\n')
    assert subject.command is None
    assert subject.connector("c").command == ["./c", "{target}"]
