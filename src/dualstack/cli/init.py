"""``dualstack init``: write a manifest, with only the keys that it needs, or with all of them as comments."""

import argparse
import re
import shlex
import sys
from importlib.resources import files
from pathlib import Path

from dualstack.errors import UsageError
from dualstack.protocols.registry import PROTOCOLS
from dualstack.suggestion import did_you_mean
from dualstack.transport import Transport
from dualstack.trying.drafting import client_manifest, server_manifest
from dualstack.trying.ports import OpenPort
from dualstack.trying.speaking import Spoken

_PORT = re.compile(r"(?P<port>[0-9]{1,5})(?::(?P<protocol>[a-z0-9-]+))?")

_PORTS = 0xFFFF


def main(options: argparse.Namespace) -> int:
    """Write the manifest; an existing file is replaced only with ``--force``."""
    path: Path = options.file
    if path.exists() and not options.force:
        raise UsageError(f"{path}: exists already; --force replaces it")
    if sys.stdin.isatty() and not (options.words or options.tcp or options.udp or options.client):
        _ask(options)
    text = _text(options, path.absolute())
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    print(f"{path} written; {'next' if options.words else 'edit it, then'}: dualstack check {path}")
    return 0


def _ask(options: argparse.Namespace) -> None:
    """Ask for what the options do not say; without a command the manifest has every key as a comment.

    Raises:
        UsageError: The command has a quotation mark that is not closed.
    """
    try:
        options.words = shlex.split(
            _answer("The command that starts it (empty: a manifest with every key, as comments)")
        )
    except ValueError as error:
        raise UsageError(f"the command: {error}") from None
    if not options.words:
        return
    if any(sign in word for word in options.words for sign in ("{target}", "{host}")):
        options.client = True
        return
    options.tcp = _answer("Its TCP ports, with what it speaks there, for example 8080:http (empty: none)").split()
    options.udp = _answer("Its UDP ports, for example 5353:echo (empty: none)").split()


def _answer(question: str) -> str:
    """Return the user's answer; empty at the end of the input."""
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _text(options: argparse.Namespace, path: Path) -> str:
    """Return the text of the manifest.

    Raises:
        UsageError: A port or its protocol is wrong, or the command or its ports are missing.
    """
    ports = dict(_ports(options))
    if not (ports or options.client or options.words):
        return files("dualstack.manifest").joinpath("template.toml").read_text(encoding="utf-8")
    if not options.words:
        raise UsageError("no command; for example: dualstack init --tcp 8080:http -- ./server --port {port}")
    if options.client and ports:
        raise UsageError("--client is a command that connects: it has no --tcp and no --udp")
    if options.client:
        if not any(sign in word for word in options.words for sign in ("{target}", "{host}")):
            raise UsageError(
                "the command names no server: write {target} where it takes host:port, or {host} and {port}"
            )
        return client_manifest(options.words, Path.cwd(), path, "http" if options.http else "")
    if not ports:
        raise UsageError("on which port does it listen? --tcp 8080:http or --udp 5353:echo; or --client if it connects")
    return server_manifest(options.words, Path.cwd(), path, ports)


def _ports(options: argparse.Namespace) -> list[tuple[OpenPort, Spoken]]:
    """Return the ports of the options, and what is spoken there.

    Raises:
        UsageError: One is wrong.
    """
    usual = {Transport.TCP: "http" if options.http else "connect", Transport.UDP: "connect"}
    return [
        (OpenPort(transport, number, ()), Spoken(protocol or usual[transport]))
        for transport in Transport
        for number, protocol in (_port(text, transport) for text in getattr(options, transport.value))
    ]


def _port(text: str, transport: Transport) -> tuple[int, str]:
    """Return the number of ``8080:http``, and its protocol; empty if it has none.

    Raises:
        UsageError: It is none, or there is no such protocol over the transport.
    """
    match = _PORT.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= _PORTS:
        raise UsageError(f"--{transport.value}: found {text!r}, allowed: a port, or a port and a protocol (8080:http)")
    name = match["protocol"] or ""
    if name:
        check_protocol(f"--{transport.value}", name, transport)
    return int(match["port"]), name


def check_protocol(option: str, name: str, transport: Transport) -> None:
    """Refuse a protocol that does not exist over a transport, or that needs further keys.

    Raises:
        UsageError: It does not; the message names the option, and the protocols that are allowed.
    """
    allowed = [item.name for item in PROTOCOLS.values() if transport in item.transports and item.name not in _NEEDING]
    if name not in allowed:
        raise UsageError(
            f"{option}: found protocol {name!r}, allowed: {', '.join(allowed)}{did_you_mean(name, allowed)}"
        )


_NEEDING = ("exchange", "oneway")
"""The protocols that need further keys: a port without a protocol has them as a draft."""
