"""Manifests: their values, and the faults of wrong ones: file, key, found, allowed, did you mean."""

import re
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.families import BOTH, Family
from dualstack.manifest import Component, Manifest, load_manifest, subjects_of
from dualstack.manifest.component import start_order
from dualstack.protocols.registry import PROTOCOLS
from dualstack.protocols.tunnel import Tunnel
from dualstack.service import dial_to
from dualstack.transport import AppProtocol, Transport

GOOD = """\
schema = 1

[service]
name = "made-up"
command = ["./server", "{bind}", "{port}"]

[timeouts]
ready = 3

[[listen]]
name = "main"
port = 8080
protocol = "http"
families = ["ipv4", "ipv6"]

[listen.bind]
any = ["::", "[::]"]
ipv4_any = "0.0.0.0"

[[connect]]
name = "client"
command = ["./client", "{host}"]

[[known]]
requirement = "LISTEN-005"
reason = "it leaves this to the kernel"
"""

ONEWAY = 'transport = "udp"\nprotocol = "oneway"\nsend = "a {token}"\nreceived_log = "a {token}"\n'

SHIPPED = sorted(path for path in (ROOT / "fixtures" / "services").rglob("*.toml") if path.name != "Cargo.toml")


def fault_of(tmp_path: Path, text: str) -> str:
    """Return the faults of a manifest with this text, without file name and line numbers."""
    path = tmp_path / "dïenst one.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_manifest(path)
    message = str(raised.value)
    lines = [re.fullmatch(rf"{re.escape(str(path))}:(\d+): (.*)", line) for line in message.splitlines()]
    assert all(line and 1 <= int(line[1]) <= len(text.splitlines()) + 1 for line in lines), message
    return "\n".join(line[2] for line in lines if line)


def test_reads_a_manifest(tmp_path: Path) -> None:
    """Keys, defaults and single texts instead of lists are read."""
    path = tmp_path / "service.toml"
    path.write_text(GOOD, encoding="utf-8")
    manifest = load_manifest(path)
    listen, connect = manifest.listen[0], manifest.connect[0]
    assert (manifest.service.name, manifest.timeouts.ready, manifest.timeouts.stop) == ("made-up", 3.0, 5.0)
    assert (listen.transport, listen.protocol, tuple(listen.families)) == (Transport.TCP, AppProtocol.HTTP, BOTH)
    assert listen.bind is not None
    assert (listen.bind.any, listen.bind.ipv4_any, listen.bind.ipv6_any) == (["::", "[::]"], ["0.0.0.0"], [])
    assert (connect.protocol, connect.exit_code, connect.literals) == (AppProtocol.ECHO, 0, True)


def test_is_a_value(tmp_path: Path) -> None:
    """A manifest is immutable."""
    path = tmp_path / "service.toml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(ValueError, match="frozen"):
        load_manifest(path).service.name = "other"  # type: ignore[misc]  # that this is refused is what is tested


*OTHERS, LAST = PROTOCOLS
"""The names of the protocols."""

FAULTS = [
    # unknown keys and typos
    (
        "[timeouts]",
        "[timeoust]",
        "timeoust: unknown key; did you mean 'timeouts'? (allowed: component, configuration, ",
    ),
    (
        "[[listen]]",
        "[listen]",
        "listen: found one table; allowed: a list of tables; write [[listen]] instead of [listen]",
    ),
    (
        "[timeouts]",
        "[[timeouts]]",
        "timeouts: found a list; allowed: a table; write [timeouts] instead of [[timeouts]]",
    ),
    ("[timeouts]\nready", "timeouts", "service.timeouts: unknown key (allowed: build, command, directory, "),
    ("any = [", "any = { x = [", "not TOML: "),
    (
        'command = ["./server", "{bind}", "{port}"]',
        'environment = "x"',
        "service.environment: found 'x'; allowed: a table",
    ),
    ("port = 8080", "prot = 8080", "listen[0].port: missing\nlisten[0].prot: unknown key; did you mean 'port'? "),
    ("ipv4_any", "ipv4_al", "listen[0].bind.ipv4_al: unknown key; did you mean 'ipv4_any'? (allowed: any, ipv4_addr"),
    ("ready = 3", "raedy = 3", "timeouts.raedy: unknown key; did you mean 'ready'? (allowed: build, connect, "),
    ("ready = 3", "zzz = 3", "timeouts.zzz: unknown key (allowed: build, connect, "),
    ('protocol = "http"', 'protocol = "htpp"', "listen[0].protocol: found 'htpp'; allowed: 'connect', 'echo', 'upper'"),
    ('["ipv4", "ipv6"]', '["ipv4", "ipv5"]', "listen[0].families[1]: found 'ipv5'; allowed: 'ipv4' or 'ipv6'"),
    ("schema = 1", 'schema = "1"', "schema: found '1'; allowed: 1; write 1 without quotes"),
    (
        "[timeouts]",
        '[timeouts]\nstop = "2"',
        "timeouts.stop: found '2'; allowed: a number; write 2 without",
    ),
    (
        "[timeouts]",
        "[timeouts]\nstop = nan",
        "timeouts.stop: found nan; allowed: 600 or less; nan is no number",
    ),
    (
        "[[listen]]",
        '[ready]\nexchange = "true"\n[[listen]]',
        "ready.exchange: found 'true'; allowed: true or false; write",
    ),
    (
        '"LISTEN-005"',
        '"LISTEN-005"\nexpires = "soon"',
        "known[0].expires: found 'soon'; allowed: a date, such as 2027-",
    ),
    (
        '"{port}"]',
        '"{prot}"]',
        "service.command[2]: unknown placeholder {prot} in '{prot}'; allowed: {acl}, {bind}, {ca}, {certificate}, ",
    ),
    (
        '"{host}"]',
        '"{host}", "{prot}"]',
        "connect[0].command[2]: unknown placeholder {prot} in '{prot}'; allowed: {ca}, {directory}, ",
    ),
    ('"LISTEN-005"', '"listen-5"', "known[0].requirement[0]: found 'listen-5'; allowed: a text that matches "),
    # what is missing or not allowed
    ("schema = 1", "", "schema: missing"),
    ("schema = 1", "schema = 2", "schema: found 2; allowed: 1"),
    ('name = "made-up"\n', "", "service.name: missing"),
    ("made-up", "made up", "service.name: found 'made up'; allowed: a text that matches "),
    ("port = 8080", "port = 65536", "listen[0].port: found 65536; allowed: 65535 or less"),
    ("port = 8080", "port = 0", "listen[0].port: found 0; allowed: 1 or more"),
    ("port = 8080", 'port = "8080"', "listen[0].port: found '8080'; allowed: a whole number"),
    ("port = 8080", "port = true", "listen[0].port: found True; allowed: a whole number"),
    (
        "port = 8080",
        'port = 8080\nsingle_shot = "yes"',
        "listen[0].single_shot: found 'yes'; allowed: true or false",
    ),
    ("ready = 3", "ready = 0", "timeouts.ready: found 0; allowed: more than 0"),
    ("ready = 3", "ready = 1e9", "timeouts.ready: found 1000000000.0; allowed: 600 or less"),
    ("ready = 3", "ready = nan", "timeouts.ready: found nan; allowed: "),
    ('["./client", "{host}"]', "[]", "connect[0].command: found []; allowed: 1 or more items"),
    ('["./client", "{host}"]', '"./client {host}"', "connect[0].command: found './client {host}'; allowed: a list"),
    ('["./client", "{host}"]', '["./cl\\u0000", "{host}"]', "connect[0].command[0]: it contains a NUL character"),
    ('["ipv4", "ipv6"]', "[]", "listen[0].families: found []; allowed: 1 or more items"),
    ('["::", "[::]"]', "[1]", "listen[0].bind.any[0]: found 1; allowed: a text in quotes"),
    (
        '"it leaves this to the kernel"',
        '"so"',
        "known[0].reason: found 'so'; allowed: 10 or more characters",
    ),
    # impossible combinations
    ('["ipv4", "ipv6"]', '["ipv6", "ipv6"]', "listen[0].families: a family is listed twice"),
    ("port = 8080", 'port = 8080\ntransport = "udp"', 'listen[0].protocol: protocol = "http" runs over TCP'),
    (
        '"http"',
        '"htpp"',
        (
            f"listen[0].protocol: found 'htpp'; allowed: {', '.join(map(repr, OTHERS))} or {LAST!r}; "
            "did you mean 'http'?"
        ),
    ),
    *[
        (
            '"http"',
            f'"{found}"',
            (
                f"listen[0].protocol: found '{found}'; allowed: {', '.join(map(repr, OTHERS))} or {LAST!r}; "
                f"write {instead}"
            ),
        )
        for found, instead in (
            ("https", "'http' with a table tls"),
            ("WSS", "'websocket' with a table tls"),
            ("smtp", "'exchange' with send and expect"),
        )
    ],
    ('"http"', '["http"]', "listen[0].protocol: found ['http']; allowed: 'connect', 'echo', "),
    ('protocol = "http"', 'transport = "udp"', 'listen[0].protocol: protocol = "connect" shows nothing over UDP; '),
    (
        'protocol = "http"',
        'protocol = "http"\nwebsocket = { }',
        'listen[0].websocket: [listen.websocket] belongs to protocol = "websocket"',
    ),
    (
        'protocol = "http"',
        'protocol = "websocket"\nwebsocket = { origin = "http://{host}" }',
        "listen[0].websocket.origin: unknown placeholder {host} in 'http://{host}'; allowed: {target}",
    ),
    (
        'protocol = "http"',
        'protocol = "websocket"\nwebsocket = { origin = "a b" }',
        "listen[0].websocket.origin: found 'a b'; allowed: printable ASCII",
    ),
    (
        'protocol = "http"',
        'protocol = "websocket"\nwebsocket = { subprotocol = "a, b" }',
        "listen[0].websocket.subprotocol: found 'a, b'; a subprotocol is one token",
    ),
    ('protocol = "http"', 'protocol = "exchange"', 'listen[0]: "send" and "expect" belong to protocol = "exchange"'),
    (
        'protocol = "http"',
        'protocol = "exchange"\nexpect = ""',
        "listen[0].expect: '' matches the empty text, and therefo",
    ),
    (
        'protocol = "http"',
        'protocol = "exchange"\nexpect = "(PONG)?"',
        "listen[0].expect: '(PONG)?' matches the empty ",
    ),
    (
        'command = ["./client", "{host}"]',
        'command = ["./client", "{host}"]\noutput = ".*"',
        "connect[0].output: '.*' mat",
    ),
    ('protocol = "http"', "status = [200]", 'listen[0].status: "status" belongs to protocol = "http"'),
    ('protocol = "http"', 'call = "/a.B/C"', 'listen[0].call: "call" belongs to protocol = "grpc"'),
    ('protocol = "http"', 'protocol = "grpc"\ncall = "a.B/C"', "listen[0].call: "),
    (
        'protocol = "http"',
        'protocol = "grpc"\nsend = "x"',
        'listen[0]: with protocol = "grpc" "send" and "expect" belong',
    ),
    ('protocol = "http"', 'protocol = "grpc"\nstatus = [200]', "listen[0].status"),
    ('protocol = "http"', 'protocol = "http"\nstatus = ["6xx"]', "listen[0].status[0]"),
    ('protocol = "http"', 'protocol = "http"\nstatus = [99]', "listen[0].status[0]"),
    (
        'protocol = "http"',
        'protocol = "http"\nreply_port = "any"',
        'listen[0].reply_port: reply_port = "any" belongs to ',
    ),
    (
        'protocol = "http"',
        'received_log = "x"',
        'listen[0].received_log: "received_log" belongs to protocol = "oneway"',
    ),
    ('protocol = "http"', ONEWAY.replace("udp", "tcp"), 'listen[0].protocol: protocol = "oneway" belongs to transport'),
    (
        'protocol = "http"',
        ONEWAY.replace("send", "# send"),
        'listen[0]: protocol = "oneway" needs "send": the datagram',
    ),
    ('protocol = "http"', ONEWAY.replace("rec", "# rec"), 'listen[0]: protocol = "oneway" needs "received_log" or '),
    (
        'protocol = "http"',
        ONEWAY.replace("{token}", "", 1),
        'listen[0].received_log: it has {token}, but "send" does not',
    ),
    ('protocol = "http"', ONEWAY + 'expect = "x"', "listen[0].expect: it is about an answer, but with protocol = "),
    (
        'protocol = "http"',
        ONEWAY + 'reply_port = "any"',
        "listen[0].reply_port: it is about an answer, but with protocol = ",
    ),
    ("[timeouts]", "[ready]\nexchange = 1\n[timeouts]", "ready.exchange: found 1"),
    ('protocol = "http"', 'large_send = "all"', 'listen[0].large_send: "large_send" belongs to protocol = "exchange"'),
    (
        'protocol = "http"',
        'protocol = "echo"\nbulk_send = "x"',
        'listen[0].bulk_send: "bulk_send" belongs to protocol = "http" or "exchange"',
    ),
    (
        'protocol = "http"',
        'protocol = "http"\nbulk_send = "x"',
        "listen[0].bulk_send: found 'x'; allowed: a path, e.g. /big-file",
    ),
    ('protocol = "http"', 'expect = "PONG"', 'listen[0]: "send" and "expect" belong to protocol = "exchange"'),
    ('protocol = "http"', 'protocol = "exchange"\nsend = "→"', "listen[0].send: each character stands for one byte: "),
    ('protocol = "http"', "peer_reply = 'ip \\S+'", 'listen[0].peer_reply: it needs a group, e.g. "client ip: (\\S+)"'),
    ('protocol = "http"', 'peer_log = "("', "listen[0].peer_log: not a regular expression: missing ), unterminated "),
    (
        'ipv4_any = "0.0.0.0"',
        'ipv4_address = "1.2.3.4"',
        "listen[0].bind.ipv4_address: '1.2.3.4' lacks the placeholder",
    ),
    (
        'ipv4_any = "0.0.0.0"',
        'ipv4_mapped = "::ffff:1.2.3.4"',
        "listen[0].bind.ipv4_mapped: '::ffff:1.2.3.4' lacks the placeholder",
    ),
    (
        'protocol = "http"',
        "proxy = {}",
        'listen[0].proxy: neither "versions" nor "forwarded": one of them is needed',
    ),
    (
        'protocol = "http"',
        'protocol = "echo"\nproxy = { forwarded = "Forwarded" }',
        'listen[0].proxy.forwarded: "forwarded" belongs to protocol = "http"',
    ),
    (
        'protocol = "http"',
        'transport = "udp"\nprotocol = "echo"\nproxy = { versions = ["v2"] }',
        'listen[0].proxy: "proxy" belongs to transport = "tcp"',
    ),
    (
        'protocol = "http"',
        'proxy = { versions = ["v2", "v2"] }',
        "listen[0].proxy.versions: a version is listed twice",
    ),
    (
        'protocol = "http"',
        'proxy = { versions = ["v1"], trust = "all" }',
        "listen[0].proxy.trust: 'all' lacks the placeholder \"{address}\"",
    ),
    ("ipv4_any =", 'acl.allow_all = ""\nipv4_any =', "listen[0].bind.acl: unknown key"),
    (
        'protocol = "http"',
        "acl = {}",
        'listen[0].acl: neither "deny" nor "allow": at least one of them, or of their networks, is needed',
    ),
    ('protocol = "http"', 'acl = { deny = "x" }', "listen[0].acl.deny: 'x' lacks the placeholder \"{address}\""),
    ('protocol = "http"', 'acl = { allow = "x" }', "listen[0].acl.allow: 'x' lacks the placeholder \"{address}\""),
    (
        'protocol = "http"',
        'acl = { deny_network = "{address}" }',
        "listen[0].acl.deny_network: '{address}' lacks the placeholder \"{network}\"",
    ),
    (
        "port = 8080",
        "port = 8080\nclients = 0",
        "listen[0].clients: found 0; allowed: 1 or more",
    ),
    (
        "port = 8080",
        "port = 8080\nclients = 201",
        "listen[0].clients: found 201; allowed: 200 or less",
    ),
    (
        'protocol = "http"',
        'multicast = { ipv4 = "239.255.0.9" }',
        'listen[0].multicast: "multicast" belongs to transport = "udp"',
    ),
    (
        'protocol = "http"',
        'protocol = "echo"\ntransport = "udp"\nmulticast = { ipv4 = "198.51.100.1" }',
        "listen[0].multicast.ipv4: found '198.51.100.1', which is not a multicast address; allowed: 224.0.0.0 to 239.",
    ),
    (
        'protocol = "http"',
        'protocol = "echo"\ntransport = "udp"\nmulticast = { ipv6 = "ff01::9" }',
        "listen[0].multicast.ipv6: 'ff01::9' does not leave its host; allowed: a scope of 2 (link) or more, e.g. ff02",
    ),
    (
        'protocol = "http"',
        'protocol = "echo"\ntransport = "udp"\nmulticast = {}',
        'listen[0].multicast: neither "ipv4" nor "ipv6": at least one of them is needed',
    ),
    (
        'name = "made-up"',
        'name = "made-up"\nreload = ["./reload", "{porrt}"]',
        "service.reload[1]: unknown placeholder {porrt} in '{porrt}'; allowed: ",
    ),
    *(
        ('protocol = "http"', f'protocol = "{protocol}"\nadvertises = {{{keys}}}', f"listen[0].advertises{fault}")
        for protocol, keys, fault in [
            ("http", 'pattern = "x"', ".pattern: it needs a group named host, e.g. "),
            (
                "http",
                'pattern = "(?P<host>x)", json_path = "$.a"',
                '.json_path: found beside "pattern"; keep one of them',
            ),
            (
                "http",
                'json_path = "a.b"',
                ".json_path: 'a.b' is not a path into JSON; allowed: ",
            ),
            (
                "http",
                'protobuf_path = "1.x"',
                ".protobuf_path: '1.x' is not a path of field numbers; allowed: ",
            ),
            (
                "http",
                'pattern = "(?P<host>x)", port_field = "port"',
                '.port_field: it belongs to "json_path" or "protobuf_path"; in "pattern" use (?P<port>',
            ),
            (
                "http",
                'json_path = "$.a", port = 1, port_field = "port"',
                '.port_field: found beside "port"; keep one of them',
            ),
            (
                "http",
                'protobuf_path = "1", port_field = "port"',
                ".port_field: found 'port'; allowed with protobuf_path: a field number",
            ),
            ("http", "skip = 5", '.skip: it belongs to "protobuf_path"'),
            (
                "http",
                'request = "old"',
                ".request: found 'old'; allowed: a path, e.g. /old-page",
            ),
            (
                "echo",
                "",
                ': it does not say where the addresses are; add "pattern", "json_path',
            ),
            (
                "echo",
                'pattern = "(?P<host>x)", request = "a"',
                '.request: "request" belongs to protocol = "http", "http2", "websocket" or "exchange"',
            ),
            (
                "connect",
                'pattern = "(?P<host>x)"',
                ': protocol = "connect" has no answer that could hold an address',
            ),
        ]
    ),
    *(
        ('protocol = "http"', keys, f"listen[0].field[0]{fault}")
        for keys, fault in [
            (
                'protocol = "http"\nfield = [{ name = "a", request = "/x", answer = "(.)" }]',
                ".request: '/x' lacks the placeholder \"{address}\"",
            ),
            (
                'protocol = "http"\nfield = [{ name = "a", request = "/{address}", answer = "." }]',
                ".answer: it needs a group, e.g. ",
            ),
            (
                'protocol = "http"\nfield = [{ name = "a", request = "{address}", answer = "(.)" }]',
                ".request: found '{address}'; allowed: a path, e.g. /peer?address={address}",
            ),
            (
                'protocol = "echo"\nfield = [{ name = "a", request = "{address}", answer = "(.)" }]',
                ': it belongs to protocol = "http" or "exchange"',
            ),
            (
                'protocol = "http"\nfield = [{ name = "a", request = "/{adress}{address}", answer = "(.)" }]',
                ".request: unknown placeholder {adress} in '/{adress}{address}'; allowed: {address}",
            ),
        ]
    ),
    ('protocol = "http"', "fetch = {}", "listen[0].fetch.request: missing"),
    (
        'protocol = "http"',
        'fetch = { request = "/get?url={url}", refuses = [] }',
        "listen[0].fetch.refuses: unknown key; did you mean 'also_refuses'? (allowed: also_refuses, families, names, ",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "/get?url={url}", also_refuses = ["privat"] }',
        "listen[0].fetch.also_refuses[0]: found 'privat'; allowed: 'link-local', 'private' or 'nat64'; did you mean",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "/get" }',
        "listen[0].fetch.request: '/get' does not name the target; add one of {url}, {target}, {host}",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "/get?url={uri}" }',
        "listen[0].fetch.request: unknown placeholder {uri} in '/get?url={uri}'; allowed: {host}, {port}, {target},",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "/get it?url={url}" }',
        "listen[0].fetch.request: '/get it?url={url}' is not a path: percent-encode what is not printable ASCII",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "→{url}" }',
        "listen[0].fetch.request: each character stands for one byte: ",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "/{url}", port = 53 }',
        "listen[0].fetch.port: found 53, the port of the lab's name server; allowed: any other port",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "/{url}", families = ["ipv4", "ipv4"] }',
        "listen[0].fetch.families: a family is listed twice",
    ),
    (
        'protocol = "http"',
        'fetch = { request = "/{url}", port = 8080 }',
        "listen[0].fetch.port: found 8080, which is a port of the service; the lab's targets need another one",
    ),
    (
        'protocol = "http"',
        'transport = "udp"\nprotocol = "echo"\nfetch = { request = "/{url}" }',
        'listen[0].fetch: "fetch" belongs to transport = "tcp"',
    ),
    (
        'protocol = "http"',
        'transport = "udp"\nprotocol = "echo"\ntls = {}',
        'listen[0].tls: "tls" belongs to transport = "tcp"',
    ),
    (
        'protocol = "http"',
        'protocol = "ftp-active"\ntls = {}',
        'listen[0].tls: with protocol = "ftp-active" part of the exchange is outside the connection',
    ),
    (
        'protocol = "http"',
        'tls = { server_name = "192.0.2.1" }',
        "listen[0].tls.server_name: found '192.0.2.1', an address; omit the key: clients then use addresses",
    ),
    ('protocol = "http"', 'tls = { server_name = "a b" }', "listen[0].tls.server_name: found 'a b'; allowed: a text "),
    ('protocol = "http"', 'tls = { verify = "lba" }', "listen[0].tls.verify: found 'lba'; allowed: 'lab' or 'none'"),
    (
        '"{host}"]',
        '"{host}"]\ntransport = "udp"\ntls = {}',
        'connect[0].tls: "tls" belongs to transport = "tcp"',
    ),
    ("[timeouts]", 'signals = ["SIGTERM"]\n[timeouts]', "service.signals[0]: found 'SIGTERM'; allowed: 'SIGCHLD', "),
    ('"{host}"]', '"there"]', "connect[0].command: it contains neither {host} nor {target}; add one, so that it "),
    (
        '"{host}"]',
        '"{host}"]\nprotocol = "oneway"',
        'connect[0].protocol: protocol = "oneway" is for listeners; the lab\'s server speaks connect, echo, upper, ',
    ),
    (
        '"{host}"]',
        '"{host}"]\nprotocol = "exchange"',
        'connect[0].protocol: protocol = "exchange" needs "turns": what the server expects and answers, e.g. turns = ',
    ),
    (
        '"{host}"]',
        '"{host}"]\nprotocol = "http"\ntransport = "udp"',
        'connect[0].protocol: protocol = "http" runs over TCP',
    ),
    ('"{host}"]', '"{host}"]\nturns = [{ send = "x" }]', 'connect[0].turns: "turns" belongs to protocol = "exchange"'),
    *(
        ('"{host}"]', f'"{{host}}"]\nprotocol = "exchange"\nturns = [{turns}]', f"connect[0].turns{fault}")
        for turns, fault in (
            ('{ send = "a" }, { send = "b" }', '[1]: it needs "expect": only the first turn may omit it, if the '),
            ('{ expect = "a" }', '[0]: it needs "send", "close = true", or both'),
            ('{ expect = "a", send = "€" }', "[0].send: each character stands for one byte: only U+0000 to U+00FF "),
            ('{ expect = "(", send = "a" }', "[0].expect: not a regular expression: "),
            ('{ expect = "a", close = true }, { expect = "b", send = "c" }', "[0].close: the turns after it are "),
        )
    ),
    *(
        (
            '"{host}"]',
            f'"{{host}}"]\nprotocol = "exchange"\ntransport = "udp"\nturns = [{turns}]',
            f"connect[0].turns[0]{fault}",
        )
        for turns, fault in (
            ('{ send = "a" }', ': it needs "expect": over UDP the client speaks first'),
            ('{ expect = "a", close = true }', ".close: over UDP there is no connection to close"),
        )
    ),
    (
        '"{host}"]',
        '"{host}"]\nmode = "daemon"\nexit_code = 0',
        'connect[0].exit_code: "exit_code" belongs to mode = "once"; a daemon succeeds when it has completed ',
    ),
    ('"{host}"]', '"{host}"]\nmode = "demon"', "connect[0].mode: found 'demon'; allowed: 'once' or 'daemon'"),
    (
        '"{host}"]',
        '"{host}"]\nsource_command = ["./client", "{host}"]',
        "connect[0].source_command: it does not contain {source}; add it where the local address is set",
    ),
    (
        '"{host}"]',
        '"{host}", "{source}"]',
        "connect[0].command: {source} belongs to source_command, which is used when a local address is set",
    ),
    ('"{host}"]', '"{host}"]\nready_log = "x"', 'connect[0].ready_log: "ready_log" belongs to mode = "daemon"'),
    ('"{host}"]', '"{host}"]\ntrigger = { port = 1 }', 'connect[0].trigger: "trigger" belongs to mode = "daemon"'),
    (
        '"{host}"]',
        '"{host}"]\nmode = "daemon"\ntrigger = { signal = "SIGHUP" }',
        "connect[0].ready_log: missing; a signal may arrive before the daemon handles it: add a line that it writes ",
    ),
    *(
        ('"{host}"]', f'"{{host}}"]\nmode = "daemon"\n{keys}', f"connect[0].trigger{fault}")
        for keys, fault in [
            ("trigger = {}", ": found neither signal nor port; a trigger is one of them"),
            (
                'ready_log = "x"\ntrigger = { signal = "SIGHUP", port = 1 }',
                ": found both signal and port; a trigger is one of them",
            ),
            (
                'ready_log = "x"\ntrigger = { signal = "SIGHUP", request = "/" }',
                '.request: "request" needs "port": where the daemon listens for it',
            ),
            ('trigger = { port = 1, request = "/a b" }', ".request: '/a b' is not a path: percent-encode what is not "),
            (
                'environment = { A = "{listen}" }',
                ": {listen} is used, but there is no trigger.port: the port that it listens on",
            ),
        ]
    ),
    (
        '"{host}"]',
        '"{host}"]\nfiles = { "/x" = "" }',
        "connect[0].files.\"/x\": '/x' is not a file inside the scratch ",
    ),
    (
        '"{host}"]',
        '"{host}"]\nfiles = { rc = "" }\nfile_modes = { rcs = "0600" }',
        "connect[0].file_modes.rcs: \"files\" has no 'rcs'; write the name as it is there",
    ),
    (
        '"{host}"]',
        '"{host}"]\nfiles = { rc = "" }\nfile_modes = { rc = "600" }',
        "connect[0].file_modes.rc: found '600'; allowed: a text that matches ",
    ),
    ('"{host}"]', '"{host}"]\nexit_code = 256', "connect[0].exit_code: found 256; allowed: a number from 0 to 255"),
    (
        '"{host}"]',
        '"{host}"]\nenvironment = { A = "{hots}" }',
        "connect[0].environment.A: unknown placeholder {hots} in '{hots}'; ",
    ),
    (
        '"{host}"]',
        '"{host}"]\nenvironment = { "A=" = "" }',
        "connect[0].environment.\"A=\": found 'A='; allowed: a text that matches ",
    ),
    ('name = "client"', 'name = "main"', "connect[0].name: found 'main', which is already the name of listen[0]"),
    ('command = ["./server", "{bind}", "{port}"]', "", "service.command: missing, but the manifest has a [[listen]] "),
    (
        "[timeouts]",
        'files = { "../x" = "" }\n[timeouts]',
        "service.files.\"../x\": '../x' is not a file inside the scratch folder",
    ),
    (
        "[timeouts]",
        'files = { "/x" = "" }\n[timeouts]',
        "service.files.\"/x\": '/x' is not a file inside the scratch folder",
    ),
    (
        "[timeouts]",
        'files = { "." = "" }\n[timeouts]',
        "service.files.\".\": '.' is not a file inside the scratch folder",
    ),
    (
        "[timeouts]",
        'build = [["make", "{prot}"]]\n[timeouts]',
        "service.build[0][1]: unknown placeholder {prot} in '{prot}'; allowed: ",
    ),
    ("[timeouts]", 'stop_signal = "SIGTREM"\n[timeouts]', "service.stop_signal: found 'SIGTREM'; allowed: 'SIGTERM', "),
    ("[[known]]", '[[known]]\nconfigurations = ["v4"]', "known[0].configurations[0]: found 'v4'; allowed: none"),
    ("[[known]]", '[[known]]\nsubjects = ["main"]', "known[0].subjects: unknown key; it is now 'elements' (allowed: "),
    (
        "[[known]]",
        '[[known]]\nelements = ["mian"]',
        "known[0].elements[0]: found 'mian'; allowed: main, client; did you ",
    ),
    (
        "[[connect]]",
        '[[listen]]\nname = "second"\nport = 8080\n[[connect]]',
        "listen[1].port: found 8080, which is already the tcp port of listen[0]; one [[listen]] table covers both fam",
    ),
    (
        "[[known]]",
        '[[configuration]]\nname = "a"\n[[configuration]]\nname = "a"\n[[known]]',
        "configuration[1].name: found 'a', which is already the name of configuration[0]",
    ),
    # no manifest at all
    ("schema = 1", "schema = ", "not TOML: "),
    ("schema = 1", "schema = 1\nschema = 1", "not TOML: Cannot overwrite a value"),
]


@pytest.mark.parametrize(("old", "new", "fault"), FAULTS, ids=[fault[:60] for *_, fault in FAULTS])
def test_faults(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """Each kind of fault is reported with its key, what was found and what is allowed."""
    assert old in GOOD
    found = fault_of(tmp_path, GOOD.replace(old, new))
    assert f"\n{fault}" in f"\n{found}"


STORE = '[[component]]\nname = "store"\ncommand = ["./store", "{port}"]\nport = 6379\n'
CACHE = '[[component]]\nname = "cache"\ncommand = ["./cache", "{store.port}"]\n'
AFTER = 'after = ["{}"]\n'

COMPONENT_FAULTS = [
    (AFTER.format("cahce"), "component[0].after[0]: found 'cahce'; allowed: cache; did you mean 'cache'?"),
    (AFTER.format("store"), "component[0].after[0]: found 'store'; allowed: cache"),
    (AFTER.format("cache"), "component[0].after: store and cache wait for each other; remove a name from after\n"),
    ('after = ["cache", "cache"]\n', "component[0].after: a component is listed twice"),
    (("port = 6379", "port = 8080"), "component[0].port: found 8080, which is already the TCP port of listen[0]"),
    (("port = 6379\n", ""), "component[0].port: missing, but {port} is used"),
    (("port = 6379\n", ""), "component[1].command[1]: unknown placeholder {store.port} in '{store.port}'; allowed: "),
    (('"{port}"]', '"{main.port}"]'), "component[0].command[1]: unknown placeholder {main.port} in '{main.port}'; "),
    (('"store"', '"main"'), "component[0].name: found 'main', which is already the name of listen[0]"),
    (('"cache"', '"store"'), "component[1].name: found 'store', which is already the name of component[0]"),
    (("port = 6379", 'port = 6379\nfiles = { "/a" = "" }'), "component[0].files.\"/a\": '/a' is not a file inside"),
    (("port = 6379", "port = 6379\nready = 1"), "component[0].ready: unknown key; did you mean 'ready_log'?"),
]


@pytest.mark.parametrize(("change", "fault"), COMPONENT_FAULTS, ids=[fault[:60] for _, fault in COMPONENT_FAULTS])
def test_faults_of_components(tmp_path: Path, change: str | tuple[str, str], fault: str) -> None:
    """Each fault of a component is reported with its key; a wrong order names who waits."""
    cache = CACHE + AFTER.format("store") if "wait" in fault else CACHE
    text = STORE + change + cache if isinstance(change, str) else (STORE + cache).replace(*change)
    assert f"\n{fault}" in f"\n{fault_of(tmp_path, GOOD.replace('[[connect]]', f'{text}[[connect]]'))}\n"


def test_files_of_a_service_that_never_starts(tmp_path: Path) -> None:
    """Files of ``[service]`` are refused if nothing listens: no connector would get them."""
    text = GOOD[: GOOD.index("[[listen]]")] + GOOD[GOOD.index("[[connect]]") :]
    path = tmp_path / "service.toml"
    path.write_text(text.replace("[service]", '[service]\nfiles = { "a.conf" = "" }'), encoding="utf-8")
    with pytest.raises(UsageError, match=r"service\.files: .* move them to \[connect\.files\]"):
        load_manifest(path)


def test_components_have_a_service_that_listens(tmp_path: Path) -> None:
    """Components of a manifest with connectors only are refused: nothing would start them."""
    text = GOOD[: GOOD.index("[[listen]]")] + GOOD[GOOD.index("[[connect]]") :] + STORE
    assert "component[0]: the manifest has no [[listen]] table" in fault_of(tmp_path, text)


def test_a_port_of_a_component_is_a_placeholder(tmp_path: Path) -> None:
    """The service and other components may use ``{store.port}``; the port of a listener of UDP may be the same."""
    path = tmp_path / "service.toml"
    udp = '[[listen]]\nname = "udp"\ntransport = "udp"\nport = 6379\nprotocol = "echo"\n'
    path.write_text(GOOD.replace('"{port}"]', '"{port}", "{store.port}"]') + STORE + CACHE + udp, encoding="utf-8")
    (subject,) = subjects_of(path)
    assert subject.values(scratch="/s")["store.port"] == "6379"
    store, cache = subject.components
    assert subject.component_values(store, scratch="/s")["port"] == "6379"
    assert "port" not in subject.component_values(cache, scratch="/s")
    assert subject.component_values(cache, scratch="/s")["store.port"] == "6379"


@pytest.mark.parametrize(
    ("after", "order"),
    [
        ({}, "abc"),
        ({"a": ["c"]}, "bca"),
        ({"a": ["b"], "b": ["c"]}, "cba"),
        ({"b": ["c"], "c": ["b"]}, "a"),
    ],
)
def test_order_of_components(after: dict[str, list[str]], order: str) -> None:
    """It is that of the file, each after those that it names; without those that wait for each other."""
    components = [Component(name=name, command=["x"], after=after.get(name, [])) for name in "abc"]
    assert "".join(item.name for item in start_order(components)) == order


def test_nothing_to_verify(tmp_path: Path) -> None:
    """A manifest without listeners and connectors is refused."""
    text = 'schema = 1\n[service]\nname = "idle"\n'
    assert fault_of(tmp_path, text) == "nothing to verify: add a [[listen]] or a [[connect]] table"


MANY = """\
schema = 1
[service]
name = "my shop"
command = ["./shop", "{bnid}", "{second.port}"]
fils = {}
stop_signal = "SIGKILL"
environment = { A = "{prot}" }
[service.files]
"../x" = ""
"/y" = ""
[timeouts]
ready = 0
[[listen]]
name = "a b"
port = 80000
protocol = "htpp"
families = ["ipv4", "ipv4"]
[listen.bind]
ipv4_address = "1.2.3.4"
ipv6_address = [
    "[{address}]",
    "::1",
]
[[listen]]
name = "second"
port = 80000
transport = "udp"
[listen.acl]
deny = "x"
[[connect]]
name = "second"
command = ["./client"]
protocol = "exchange"
[[known]]
requirement = ["LISTEN-001", "x"]
elements = ["nope", "a b"]
configurations = ["v4"]
reason = "short"
"""

PLACES = [
    (3, "service.name"),
    (4, "service.command[1]"),
    (5, "service.fils"),
    (6, "service.stop_signal"),
    (7, "service.environment.A"),
    (9, 'service.files."../x"'),
    (10, 'service.files."/y"'),
    (12, "timeouts.ready"),
    (14, "listen[0].name"),
    (15, "listen[0].port"),
    (16, "listen[0].protocol"),
    (17, "listen[0].families"),
    (19, "listen[0].bind.ipv4_address"),
    (20, "listen[0].bind.ipv6_address"),
    (24, "listen[1].protocol"),
    (26, "listen[1].port"),
    (29, "listen[1].acl.deny"),
    (31, "connect[0].name"),
    (32, "connect[0].command"),
    (33, "connect[0].protocol"),
    (35, "known[0].requirement[1]"),
    (36, "known[0].elements[0]"),
    (37, "known[0].configurations[0]"),
    (38, "known[0].reason"),
]
"""The faults of MANY: line and key."""


def test_every_fault_is_named(tmp_path: Path) -> None:
    """Wrong values, unknown keys and wrong combinations are reported together, in the order of their lines."""
    path = tmp_path / "service.toml"
    path.write_text(MANY, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_manifest(path)
    places = [re.match(rf"{re.escape(str(path))}:(\d+): (.+?): ", line) for line in str(raised.value).splitlines()]
    assert [(int(place[1]), place[2]) for place in places if place] == PLACES


@pytest.mark.parametrize(
    ("old", "new", "only"),
    [
        ('"./server", ', "1, ", "service.command[0]"),
        ("[[connect]]", "[[conect]]", "conect"),
        ("[[connect]]", '[[connect]]\nname = 3\ncommand = ["{host}"]\n[[connect]]', "connect[0].name"),
        ('elements = ["main"]', 'elements = "main"', "known[0].elements"),
        ('protocol = "http"', 'protocol = "exchagne"\nsend = "x"', "listen[0].protocol"),
        ('"LISTEN-005"', '"listen-005"', "known[0].requirement[0]"),
        ('"LISTEN-005"', '["listen-005"]', "known[0].requirement[0]"),
    ],
)
def test_a_fault_makes_no_others(tmp_path: Path, old: str, new: str, only: str) -> None:
    """A key with a wrong type is the only fault: rules that need its value report nothing."""
    text = GOOD.replace("[[known]]", '[[known]]\nelements = ["main"]').replace('"{port}"]', '"{main.port}"]')
    assert old in text
    assert [line.split(": ")[0] for line in fault_of(tmp_path, text.replace(old, new)).splitlines()] == [only]


def test_same_port_of_two_transports_is_possible(tmp_path: Path) -> None:
    """A TCP and a UDP listener can have the same port number."""
    path = tmp_path / "service.toml"
    second = '[[listen]]\nname = "second"\nport = 8080\ntransport = "udp"\nprotocol = "echo"\n[[connect]]'
    path.write_text(GOOD.replace("[[connect]]", second), encoding="utf-8")
    assert [item.port for item in load_manifest(path).listen] == [8080, 8080]


def test_shell_variables_are_no_placeholders(tmp_path: Path) -> None:
    """``${NAME}`` in a command is not a placeholder."""
    path = tmp_path / "service.toml"
    path.write_text(GOOD.replace('"./server", ', '"sh", "-c", "exec ./server ${FLAGS} $0 $1", '), encoding="utf-8")
    assert load_manifest(path).service.command is not None


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: path, "cannot be read: No such file or directory"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\nname = '\xff'"), ":2: not UTF-8 text: this line has the byte 0xff; save"),
        (
            lambda path: path.write_bytes(b"\xef\xbb\xbfschema = 1\n"),
            ":1: not TOML: it begins with a byte order",
        ),
        (lambda path: path.write_bytes(b'schema = 1\na = "b\n'), "; the closing quote of a text is missing"),
        (lambda path: path.write_bytes(b""), "service.toml:1: service: missing; add a table [service] with its name\n"),
    ],
    ids=["missing", "folder", "latin-1", "mark", "quote", "empty"],
)
def test_file_that_is_none(tmp_path: Path, make: object, fault: str) -> None:
    """A file that cannot be read, and an empty file, have their own errors."""
    path = tmp_path / "service.toml"
    assert callable(make)
    make(path)
    with pytest.raises(UsageError) as raised:
        load_manifest(path)
    assert str(raised.value).startswith(f"{path}:")
    assert fault in str(raised.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_manifests_are_right(path: Path) -> None:
    """All manifests of this repository can be read, and their names are those of their files."""
    manifest = load_manifest(path)
    assert manifest.service.summary
    assert set(manifest.listen[0].families if manifest.listen else BOTH) <= set(Family)


def test_shipped_manifests_were_seen() -> None:
    """The test above had something to look at."""
    assert len(SHIPPED) > 20
    assert {"reference", "zoo", "real"} <= {path.parent.name for path in SHIPPED}


@pytest.mark.parametrize("model", [Manifest], ids=lambda model: model.__name__)
def test_every_key_is_described(model: type[Manifest]) -> None:
    """Every key of every table has a description, from which the reference is made."""
    schema = model.model_json_schema(by_alias=True)
    tables = {name: item for name, item in schema["$defs"].items() if "properties" in item}
    assert {"Service", "Listen", "Bind", "Connect", "Ready", "Timeouts", "Known", "Exemption"} <= set(tables)
    for name, table in tables.items():
        assert [key for key, field in table["properties"].items() if not field.get("description")] == [], name


@pytest.mark.parametrize(
    ("listen", "why"),
    [("single_shot = true\n", "ends after one connection"), (ONEWAY, "never answers")],
)
def test_readiness_by_an_exchange_needs_a_listener_for_it(tmp_path: Path, listen: str, why: str) -> None:
    """The first listener must answer, more often than once."""
    text = GOOD.replace("[timeouts]", "[ready]\nexchange = true\n\n[timeouts]")
    assert load(tmp_path, text).ready.exchange
    fault = fault_of(tmp_path, text.replace('protocol = "http"\n', listen))
    assert fault.startswith("ready.exchange: ")
    assert why in fault


def test_a_oneway_listener_is_judged_by_its_log_alone(tmp_path: Path) -> None:
    """Its own pattern, or that for the client's address, is enough."""
    assert load(tmp_path, GOOD.replace('protocol = "http"\n', ONEWAY)).listen[0].protocol == AppProtocol.ONEWAY
    other = ONEWAY.replace('received_log = "a {token}"', r"peer_log = 'from (\S+)'")
    assert load(tmp_path, GOOD.replace('protocol = "http"\n', other)).listen[0].peer_log == r"from (\S+)"


def load(tmp_path: Path, text: str) -> Manifest:
    """Return the manifest with this text."""
    path = tmp_path / "right.toml"
    path.write_text(text, encoding="utf-8")
    return load_manifest(path)


RELAY = '[[relay]]\nname = "back"\nlisten = "main"\nport = 9000\nprotocol = "echo"\n'
RELAYED = GOOD.replace('"{port}"]', '"{port}", "{target}"]')

RELAY_FAULTS = [
    (('listen = "main"', 'listen = "mian"'), "relay[0].listen: found 'mian'; allowed: main; did you mean 'main'?"),
    (("port = 9000", "port = 8080"), "relay[0].port: found 8080, which is already the port of listen[0]"),
    (('name = "back"', 'name = "main"'), "relay[0].name: found 'main', which is already the name of listen[0]"),
    (('protocol = "echo"', 'protocol = "oneway"'), 'relay[0].protocol: the lab has no server for protocol = "oneway"'),
    (
        ('protocol = "echo"', 'protocol = "exchange"'),
        'relay[0].turns: missing; with protocol = "exchange" they declare',
    ),
    (('"echo"\n', '"echo"\nturns = [{ send = "x" }]\n'), 'relay[0].turns: "turns" belongs to protocol = "exchange"'),
    (('"echo"\n', '"echo"\nudp_idle = 2\n'), 'relay[0].udp_idle: it belongs to a listener with transport = "udp"'),
    (('"echo"\n', '"echo"\nforwarded = "Forwarded"\n'), 'relay[0].forwarded: "forwarded" belongs to stream = false'),
    (
        ('"echo"\n', '"echo"\nstream = false\nforwarded = "Forwarded"\n'),
        'relay[0].forwarded: it belongs to a server with protocol = "http" or "http2"; the server speaks "echo"',
    ),
    (('"echo"\n', '"echo"\nnames = false\nliterals = false\n'), "relay[0].names: found names = false and literals = f"),
    (('"echo"\n', '"echo"\nbytes = true\n'), "relay[0].bytes: unknown key"),
    (
        ('"echo"\n', '"echo"\ntunnel = "socks4"\n'),
        "relay[0].tunnel: found 'socks4'; allowed: 'socks5' or 'htt",
    ),
    (('"echo"\n', '"echo"\ntunnel = "socks5"\nnames = false\n'), "relay[0].names: found names = false with tunnel = "),
    (
        ('"echo"\n', '"echo"\ntunnel = "socks5"\nsends_proxy = "v1"\n'),
        'relay[0].sends_proxy: it does not go with tunnel = "socks5", which passes on bytes as they are',
    ),
    (
        ("[[relay]]", RELAY.replace('"back"', '"other"').replace("9000", "9001") + "[[relay]]"),
        "relay[1].listen: found ",
    ),
]


@pytest.mark.parametrize(("change", "fault"), RELAY_FAULTS, ids=[fault[:60] for _, fault in RELAY_FAULTS])
def test_faults_of_relays(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    """Each fault of a relay is reported with its key: its listener, its server's port and protocol, its own keys."""
    text = RELAYED.replace("[[connect]]", RELAY.replace(*change) + "[[connect]]")
    assert f"\n{fault}" in f"\n{fault_of(tmp_path, text)}\n"


def test_clients_of_a_tunnel_name_the_server(tmp_path: Path) -> None:
    """With tunnel no text has to name the server: each client asks its listener for it, at first on its own host.

    That is so in each configuration.
    """
    path = tmp_path / "service.toml"
    path.write_text(GOOD.replace("[[connect]]", RELAY + 'tunnel = "http-connect"\n[[connect]]'), encoding="utf-8")
    (subject,) = subjects_of(path)
    assert subject.listener("main").tunnel == Tunnel("http-connect", "localhost", 9000)
    path.write_text(path.read_text(encoding="utf-8") + '[[configuration]]\nname = "other"\n', encoding="utf-8")
    (configured,) = subjects_of(path)
    assert configured.listener("main").tunnel == subject.listener("main").tunnel
    assert dial_to(subject.listener("main"), "192.0.2.1").tunnel == subject.listener("main").tunnel


def test_a_relay_names_its_server(tmp_path: Path) -> None:
    """A relay whose server no text names is refused, as is the placeholder of a server without a relay."""
    path = tmp_path / "service.toml"
    path.write_text(GOOD + RELAY, encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape("relay[0]: nothing names its server; add {back.target} to the")):
        subjects_of(path)
    assert "unknown placeholder {target} in '{target}'" in fault_of(tmp_path, RELAYED)


def test_the_server_of_a_relay_is_a_placeholder(tmp_path: Path) -> None:
    """A text names the server's address and port together or apart; an IPv6 address is in brackets where both stand."""
    path = tmp_path / "service.toml"
    path.write_text(RELAYED + RELAY, encoding="utf-8")
    (subject,) = subjects_of(path)
    values = subject.values(scratch="/s", targets={"back": "2001:db8::1"})
    assert (values["target"], values["back.target"]) == ("[2001:db8::1]:9000",) * 2
    assert (values["target_host"], values["target_port"]) == ("2001:db8::1", "9000")
    assert subject.values(scratch="/s")["target"] == "localhost:9000"
    (relaying,) = subject.relaying
    assert (relaying.name, relaying.port, relaying.server_protocol) == ("back", 8080, "echo")
