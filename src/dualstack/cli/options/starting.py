"""The commands with which a user starts: a first manifest."""

from pathlib import Path

from dualstack.cli.commands import Commands


def add_init(commands: Commands) -> None:
    """Add ``init``."""
    init = commands.add(
        "init",
        "write a commented manifest to start from",
        "Write a manifest. With a command and its ports, or with --client, it has only the keys that are needed;\n"
        "otherwise it has every key, most of them as comments. On a terminal it asks for what is missing.",
        "  dualstack init\n"
        "  dualstack init --tcp 8080 --http -- ./server --listen {bind}:{port}\n"
        "  dualstack init --tcp 6379:redis --udp 5353:echo tests/shop.toml -- ./server\n"
        "  dualstack init --client -- curl -g http://{target}/",
    )
    init.usage = f"{init.prog} [options] [FILE] [-- COMMAND ...]"
    init.rest = "words"
    init.add_argument("file", type=Path, nargs="?", default=Path("service.toml"), help="default: service.toml")
    text = "a TCP port on which the command listens, and what it speaks: 8080, 6379:redis (repeatable)"
    init.add_argument("--tcp", action="append", default=[], metavar="PORT", help=text)
    text = "a UDP port on which the command listens, and what it speaks: 5353:echo (repeatable)"
    init.add_argument("--udp", action="append", default=[], metavar="PORT", help=text)
    text = "it speaks HTTP on the TCP ports without a protocol; with --client its server does"
    init.add_argument("--http", action="store_true", help=text)
    text = "the command connects to a server, {target} or {host} and {port}, and then ends"
    init.add_argument("--client", action="store_true", help=text)
    init.add_argument("--force", action="store_true", help="replace an existing file")
