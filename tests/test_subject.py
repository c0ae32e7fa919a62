"""Subjects: a manifest in each of its configurations, and the values of its placeholders."""

import re
import sys
from pathlib import Path

import pytest

from dualstack.errors import HarnessError, UsageError
from dualstack.families import BOTH, Family
from dualstack.manifest import Component, Fetch, Listen, Scope, Subject, subjects_of
from dualstack.manifest.placeholders import names
from dualstack.manifest.texts import Place, filled
from dualstack.prober.messages import Await
from dualstack.runnable import missing_programs
from dualstack.service import (
    dial_to,
    launch_component,
    launch_connector,
    launch_service,
    readiness_of_component,
)
from dualstack.transport import Transport
from dualstack.world.targets import request_for

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
    """Each configuration is a subject; its keys replace those of the service."""
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
    """Configurations can be chosen; for one that does not exist the nearest is suggested."""
    path = manifest(tmp_path, PLAIN + CONFIGURED)
    assert [subject.configuration for subject in subjects_of(path, ["fixed"])] == ["fixed"]
    with pytest.raises(UsageError, match=r"no configuration 'fxied' \(it has: both, v4, fixed\); did you mean 'fixed'"):
        subjects_of(path, ["fxied"])
    with pytest.raises(UsageError, match=r"no configuration 'v4' \(it has: none\)$"):
        subjects_of(manifest(tmp_path, PLAIN), ["v4"])


def test_fingerprints_differ(tmp_path: Path) -> None:
    """Every configuration has a different fingerprint, which is always the same."""
    path = manifest(tmp_path, PLAIN + CONFIGURED)
    prints = [subject.fingerprint for subject in subjects_of(path)]
    assert len(set(prints)) == 3
    assert prints == [subject.fingerprint for subject in subjects_of(path)]


def test_values(tmp_path: Path) -> None:
    """The values of the first listener have short names; those of each listener also have its name as prefix."""
    subject = one(tmp_path, PLAIN)
    values = subject.values(scratch="/scratch")
    assert values == {
        "scratch": "/scratch",
        "directory": str(tmp_path.resolve()),
        "python": sys.executable,
        "bind": "::",
        "port": "8080",
        "acl": "",
        "trusted": "",
        "ca": "/scratch/lab-tls/ca.pem",
        "certificate": "",
        "key": "",
        "main.acl": "",
        "main.trusted": "",
        "main.certificate": "",
        "main.key": "",
        "second.acl": "",
        "second.trusted": "",
        "second.certificate": "",
        "second.key": "",
        "main.bind": "::",
        "main.port": "8080",
        "second.bind": "",
        "second.port": "8081",
    }
    assert filled(subject.command or (), values) == ["./server", ":::8080", ":8081"]


def test_values_of_a_start_with_settings(tmp_path: Path) -> None:
    """A setting replaces the value of one listener; the others keep their defaults."""
    values = one(tmp_path, PLAIN).values(scratch="/s", settings={"main.bind": "192.0.2.1"})
    assert (values["bind"], values["main.bind"], values["second.bind"]) == ("192.0.2.1", "192.0.2.1", "")


@pytest.mark.parametrize("setting", ["bind", "main.bnid", "third.bind"])
def test_setting_without_a_placeholder(tmp_path: Path, setting: str) -> None:
    """A setting that no placeholder has is an error of the harness, and is not ignored."""
    with pytest.raises(HarnessError, match=f"no placeholder of a listener: {setting}"):
        one(tmp_path, PLAIN).values(scratch="/s", settings={setting: "::"})


def test_port_in_a_listen_address(tmp_path: Path) -> None:
    """In a listen address {port} is the listener's own port, in each of its entries; no other placeholder is filled."""
    pair = "0.0.0.0:{port}; listen [::]:{port} {scratch}"
    values = one(tmp_path, PLAIN).values(scratch="/s", settings={"main.bind": pair, "second.bind": "{port}"})
    assert values["bind"] == values["main.bind"] == "0.0.0.0:8080; listen [::]:8080 {scratch}"
    assert values["second.bind"] == "8081"


def test_acl_is_open_unless_a_setting_replaces_it(tmp_path: Path) -> None:
    """{acl} stands for the rule that allows all clients, unless a setting replaces it."""
    text = PLAIN + '[listen.acl]\nallow_all = "all"\nallow = "{address}"\n'
    subject = one(tmp_path, text.replace("{second.bind}:", "{second.acl}:{second.bind}:"))
    assert subject.values(scratch="/s")["second.acl"] == "all"
    values = subject.values(scratch="/s", settings={"second.acl": "192.0.2.1"})
    assert (values["second.acl"], values["main.acl"]) == ("192.0.2.1", "")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "{second.bind}:",
            "{second.acl}:{second.bind}:",
            r"\[1\].acl: {second.acl} is used, but \[listen.acl\] is missing",
        ),
        ("{bind}:", "{acl}:{bind}:", r"listen\[0\].acl: {acl} is used, but \[listen.acl\] is missing"),
        (
            "port = 8080",
            'port = 8080\nacl.deny = "{address}"',
            r"listen\[0\].acl: \[listen.acl\] is set, but {acl} is not used; add it to the command, ",
        ),
    ],
)
def test_acl_needs_its_placeholder(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """A placeholder without its table, and a table without its placeholder, are refused."""
    with pytest.raises(UsageError, match=fault):
        one(tmp_path, PLAIN.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("{bind}:", "{key}:{bind}:", r"listen\[0\].tls: {key} is used, but \[listen.tls\] is missing"),
        (
            "port = 8080",
            'port = 8080\ntls.verify = "none"',
            r"listen\[0\].tls: {certificate} is used, but \[listen.tls\] has verify = 'none'",
        ),
        (
            "port = 8080",
            "port = 8080\ntls = {}",
            r"listen\[0\].tls: \[listen.tls\] is set, but {key} is not used; add it to the command, ",
        ),
    ],
)
def test_tls_needs_its_placeholders(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """The certificate and the key are used where the lab issues them, and only there."""
    text = PLAIN if old == "{bind}:" else PLAIN.replace("{bind}:", "{certificate}:{bind}:")
    with pytest.raises(UsageError, match=fault):
        one(tmp_path, text.replace(old, new, 1))


SECURE = """schema = 1
[service]
name = "x"
command = ["./x", "{address.certificate}", "{address.key}", "{name.certificate}", "{name.key}"]
[[listen]]
name = "address"
port = 1
tls = {}
[[listen]]
name = "name"
port = 2
tls.server_name = "service.example"
[[listen]]
name = "own"
port = 3
tls.verify = "none"
[[connect]]
name = "c"
command = ["./c", "{target}", "{ca}"]
tls = {}
"""


def test_files_of_certificates(tmp_path: Path) -> None:
    """Each listener with a certificate of the lab gets its files, and the authority's file is there if it is used."""
    subject = one(tmp_path, SECURE)
    started = launch_service(subject, "/s", af_inet6=True, names=["192.0.2.1", "2001:db8::1"])
    files = {f"lab-tls/{name}.{kind}.pem" for name in ("address", "name") for kind in ("certificate", "key")}
    assert set(started.files) == files
    assert started.command[1:] == tuple(
        f"/s/lab-tls/{name}.{kind}.pem" for name in ("address", "name") for kind in ("certificate", "key")
    )
    dialled = launch_connector(subject, subject.connector("c"), "/s", host="h", target="h:1", af_inet6=True)
    assert dialled.command[2] == "/s/lab-tls/ca.pem"
    assert set(dialled.files) == {"lab-tls/ca.pem"}


def test_what_clients_verify(tmp_path: Path) -> None:
    """They verify the address that they dial, without its zone, or the name of the manifest, or nothing."""
    address, name, own = (dial_to(item, "fe80::1%eth0").tls for item in one(tmp_path, SECURE).listen)
    assert address is not None
    assert name is not None
    assert own is not None
    assert (address.name, name.name) == ("fe80::1", "service.example")
    assert address.ca == name.ca != ""
    assert own.ca == ""
    plain = one(tmp_path, PLAIN).listen[0]
    assert dial_to(plain, "::1").tls is None


def test_bind_of_a_configuration(tmp_path: Path) -> None:
    """{bind} stands for the bind of the configuration, and no other listen address is tried."""
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
def test_default_listen_address(families: list[str], bind: object, spelling: str) -> None:
    """The default is the first listen address that covers the claimed families; the closest one comes first."""
    listener = Listen.model_validate({"name": "a", "port": 1, "families": families, "bind": bind})
    assert next(iter(listener.bind_texts), "") == spelling


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
def test_default_listen_address_for_loopback(families: list[str], bind: object, spelling: str) -> None:
    """A loopback listener gets its loopback address, and never a wildcard."""
    data = {"name": "a", "port": 1, "families": families, "bind": bind, "scope": "loopback"}
    assert next(iter(Listen.model_validate(data).bind_texts), "") == spelling


def test_reach_of_a_configuration(tmp_path: Path) -> None:
    """The reach of listeners is the network by default; a configuration replaces what the listener says."""
    text = PLAIN.replace('name = "second"', 'name = "second"\nscope = "loopback"').replace(
        "[listen.bind]", '[listen.bind]\nlocalhost = "localhost"'
    )
    text += '[[configuration]]\nname = "plain"\n[[configuration]]\nname = "network"\nscope = "network"\n'
    text += '[[configuration]]\nname = "local"\nscope = "loopback"\nfamilies = ["ipv6"]\nbind = "::1"\n'
    plain, network, local = subjects_of(manifest(tmp_path, text))
    assert [item.scope for item in plain.listen] == [Scope.NETWORK, Scope.LOOPBACK]
    assert [item.scope for item in network.listen] == [Scope.NETWORK] * 2
    assert [item.scope for item in local.listen] == [Scope.LOOPBACK] * 2


@pytest.mark.parametrize(
    ("families", "keys"), [("", "localhost"), ('families = ["ipv6"]\n', "ipv6_address")], ids=["both", "one"]
)
def test_loopback_without_a_listen_address(tmp_path: Path, families: str, keys: str) -> None:
    """A loopback listener with {bind} needs a loopback address; the error names the key."""
    text = 'schema = 1\n[service]\nname = "x"\ncommand = ["./x", "{bind}"]\n[[listen]]\nname = "m"\nport = 1\n'
    text += f'scope = "loopback"\n{families}[listen.bind]\nany = "*"\n'
    with pytest.raises(UsageError, match=rf"\{{bind\}} is used, but .*; add the key {keys}$"):
        one(tmp_path, text)


def test_unused_listen_addresses(tmp_path: Path) -> None:
    """Listen addresses are refused if no placeholder uses them."""
    with pytest.raises(UsageError) as raised:
        one(tmp_path, PLAIN.replace("{second.bind}:", ""))
    assert str(raised.value).endswith(
        "service.toml:17: listen[1].bind: [listen.bind] is set, but {second.bind} is not used; add it to the command, "
        "environment or files, or remove [listen.bind]"
    )


def test_bind_without_a_listen_address(tmp_path: Path) -> None:
    """{bind} is refused if there is no listen address for it."""
    text = PLAIN.replace('any = ["::", "[::]"]\n', "").replace('ipv6_any = "[::]"\n', "")
    with pytest.raises(UsageError) as raised:
        one(tmp_path, text)
    assert str(raised.value).endswith(
        "listen[0].bind: {bind} is used, but [listen.bind] has no address for what it claims, IPv4 and IPv6; "
        "add the key any"
    )
    narrow = text + '[[configuration]]\nname = "v6"\nfamilies = ["ipv6"]\n'
    with pytest.raises(
        UsageError, match=r"\{bind\} is used in configuration 'v6', but .*, IPv6; add the key ipv6_any or any"
    ):
        one(tmp_path, narrow)


def test_bind_may_stand_in_environment_and_files(tmp_path: Path) -> None:
    """{bind} can be in a variable or in a file."""
    text = PLAIN.replace('"info"', '"{bind}"').replace('"one"', '"listen {second.bind}"')
    text = text.replace(', "{bind}:{port}", "{second.bind}:{second.port}"', "")
    assert one(tmp_path, text).command == ("./server",)


def test_directory_must_exist(tmp_path: Path) -> None:
    """The working directory is relative to the manifest, and must exist."""
    text = PLAIN.replace('name = "made-up"', 'name = "made-up"\ndirectory = "søb dir"', 1)
    with pytest.raises(UsageError, match=r"service\.toml:4: service\.directory: 'søb dir': no such folder"):
        one(tmp_path, text)
    (tmp_path / "søb dir").mkdir()
    assert one(tmp_path, text).directory == tmp_path.resolve() / "søb dir"


def test_a_service_may_only_dial_out(tmp_path: Path) -> None:
    """A manifest without listeners needs no service.command."""
    subject = one(tmp_path, 'schema = 1\nservice.name = "x"\n[[connect]]\nname = "c"\ncommand = ["./c", "{target}"]\n')
    assert subject.command is None
    assert subject.connector("c").command == ["./c", "{target}"]


def test_every_placeholder_gets_a_value(tmp_path: Path) -> None:
    """Each placeholder of a service, a connector and a fetch request is filled by the code that uses the text."""
    service, connector = (
        [f"{{{name}}}" for name in sorted(names(place, ["main"]))] for place in (Place.SERVICE, Place.CONNECTOR)
    )
    connector.remove("{source}")  # only in source_command
    text = f"""schema = 1
[service]
name = "x"
command = {["true", *service]}
[[listen]]
name = "main"
port = 1
bind = {{ any = "*" }}
acl = {{ deny = "{{address}}", allow_all = "all" }}
proxy = {{ versions = ["v1"], trust = "{{address}}", trust_all = "any" }}
tls = {{}}
[[connect]]
name = "c"
mode = "daemon"
trigger = {{ port = 2 }}
command = {["true", *connector]}
source_command = ["true", "{{source}}", "{{host}}"]
files = {{ x = {"".join(connector)!r} }}
"""
    subject = one(tmp_path, text)
    started = launch_service(subject, "/s", af_inet6=True)
    places = {"listen": "127.0.0.1:2", "nameserver": "192.0.2.1"}
    dialled = launch_connector(
        subject, subject.connector("c"), "/s", host="h", target="h:1", af_inet6=True, places=places
    )
    bound = launch_connector(
        subject, subject.connector("c"), "/s", host="h", target="h:1", af_inet6=True, places=places, source="::9"
    )
    assert bound.command == ("true", "::9", "h")
    request = request_for(Fetch(request="".join(f"{{{name}}}" for name in names(Place.FETCH))), "h", "server")
    assert (len(started.command), len(dialled.command)) == (1 + len(service), 1 + len(connector))
    assert not re.search(r"[{}]", "".join([*started.command, *dialled.command, dialled.files["x"], request]))


def test_a_component_is_launched_beside_the_service(tmp_path: Path) -> None:
    """It gets its own placeholders, variables and files, and the folder and limits of the service."""
    subject, component = with_component(tmp_path, 'environment = { P = "{port}" }\nfiles = { "c" = "{scratch}" }\n')
    launch = launch_component(subject, component, "/s", af_inet6=False)
    assert launch.command == ("./store", "6379")
    assert (launch.environment["P"], launch.files["c"], launch.scratch) == ("6379", "/s", "/s")
    assert (launch.component, launch.af_inet6, launch.directory) == ("store", False, str(tmp_path))
    assert launch.limits == launch_service(subject, "/t", af_inet6=True).limits
    assert readiness_of_component(subject, component) == Await(6379, Transport.TCP, None, 10.0)


@pytest.mark.parametrize(("own", "image", "folder"), [("", "shop:1", "/"), ('image = "redis:7"\n', "redis:7", "")])
def test_a_component_in_an_image(tmp_path: Path, own: str, image: str, folder: str) -> None:
    """It runs in the service's image as the service does, or in its own image with the image's own folder."""
    table = '[image]\nname = "shop:1"\nread_only = true\n'
    subject, component = with_component(tmp_path, own, table)
    launch = launch_component(subject, component, "/s", af_inet6=True, contained=True)
    assert (launch.image, launch.read_only, launch.directory) == (image, bool(folder), "")
    assert subject.component_values(component, scratch="/s", contained=True)["directory"] == "."


def test_the_program_of_a_component_must_exist(tmp_path: Path) -> None:
    """A missing program of a component is reported with its key."""
    subject, _ = with_component(tmp_path, "")
    found = [str(fault) for fault in missing_programs(subject)]
    assert f"component[0].command: './store': no such file in {tmp_path}" in found


def with_component(tmp_path: Path, keys: str, table: str = "") -> tuple[Subject, Component]:
    """Return a subject with one component, which has these keys."""
    path = tmp_path / "service.toml"
    component = f'[[component]]\nname = "store"\ncommand = ["./store", "{{port}}"]\nport = 6379\n{keys}'
    listen = '[[listen]]\nname = "main"\nport = 8080\n'
    path.write_text(f'schema = 1\n[service]\nname = "x"\ncommand = ["./x"]\n{table}{component}{listen}')
    (subject,) = subjects_of(path)
    return subject, subject.components[0]
