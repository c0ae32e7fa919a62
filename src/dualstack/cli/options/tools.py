"""The commands around the others: a shell in a lab, help, shell completion, the manual page."""

from pathlib import Path

from dualstack.backend_names import BACKENDS, DOCKER, NETNS
from dualstack.cli.commands import Commands

SHELLS = ("bash", "zsh", "fish")
"""The shells that have completion."""


def add_help(commands: Commands) -> None:
    """Add ``help``."""
    helping = commands.add(
        "help",
        "show the help of a command, or a page of the manual",
        "Show the help of a command, or a page of the manual; without a word, list both.",
        "  dualstack help run\n  dualstack help manifest\n  dualstack help manifest listen.tls",
    )
    text = "words after a page choose its sections"
    helping.add_argument("topic", nargs="*", metavar="COMMAND|PAGE", help=text)


def add_completion(commands: Commands) -> None:
    """Add ``completion``."""
    completion = commands.add(
        "completion",
        "print what makes a shell complete commands, options and names",
        "Print a script that makes a shell complete commands, options, requirements, topologies, suites and files.\n"
        "Print it again after an update.",
        "  dualstack completion bash > ~/.local/share/bash-completion/completions/dualstack\n"
        "  dualstack completion zsh > ~/.zfunc/_dualstack        (with fpath+=~/.zfunc before compinit in ~/.zshrc)\n"
        "  dualstack completion fish > ~/.config/fish/completions/dualstack.fish",
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def add_man(commands: Commands) -> None:
    """Add ``man``."""
    commands.add(
        "man",
        "print the manual page",
        "Print the manual page, dualstack(1), with every command and option.",
        "  dualstack man | man -l -\n  dualstack man > ~/.local/share/man/man1/dualstack.1",
    )


def add_shell(commands: Commands) -> None:
    """Add ``shell``."""
    shell = commands.add(
        "shell",
        "open a shell inside a host of a lab in which the service runs",
        "Make a lab, start the service in it, and open a shell inside one of its hosts: to look at sockets, routes\n"
        "and packets, and to be a client. The packets of the service's host are recorded. The lab is removed when the\n"
        "shell ends. With -- COMMAND one command runs instead, and its exit code is\n"
        "that of dualstack. Without a manifest the lab has no service. The shell has your rights outside of the lab:\n"
        "unlike the service it can change your files.",
        "  dualstack shell ipv6-only service.toml\n"
        "  dualstack shell ipv6-only-strict --host service service.toml\n"
        "  dualstack shell dual-stack service.toml -- curl -g http://[2001:db8:51:1::101]:8080/\n"
        "  dualstack shell nat64-dns64 -- ip route",
    )
    shell.usage = f"{shell.prog} [options] TOPOLOGY [FILE] [-- COMMAND ...]"
    shell.rest = "words"
    shell.add_argument("topology", metavar="TOPOLOGY", help="the network (see dualstack list --topologies)")
    shell.add_argument("manifest", type=Path, nargs="?", metavar="FILE", help="manifest of a service (service.toml)")
    text = "the host of the shell, as the topology names it, or client (default: client for a listener, else service)"
    shell.add_argument("--host", default="", metavar="HOST", help=text)
    text = f"kind of lab: {NETNS}; not {DOCKER}, whose hosts have only the programs of an image"
    shell.add_argument("--lab", choices=BACKENDS, default=NETNS, metavar="KIND", help=text)
    text = "start this configuration of the service"
    shell.add_argument("--configuration", action="append", default=[], metavar="NAME", help=text)
    text = "write the packets of the service's host to this file at the end"
    shell.add_argument("--capture", type=Path, metavar="FILE", help=text)
    shell.add_argument("-q", "--quiet", action="store_true", help="do not show addresses and examples at the beginning")
