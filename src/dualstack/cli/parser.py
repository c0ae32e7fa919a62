"""The command line: each command with its help, examples and options."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from dualstack import __version__
from dualstack.backend_names import BACKENDS
from dualstack.suggestion import did_you_mean

_DESCRIPTION = """\
Tests whether a network service works on IPv4-only, IPv6-only and dual-stack networks. The packets are the evidence.

Each case runs in its own lab: a few hosts in Linux network namespaces, without root, daemon or container image, and
without access to any real network. With --lab docker the hosts are containers, and the service runs in its image."""

_EXAMPLES = """\
first steps:
  dualstack doctor                      can this machine make labs?
  dualstack init                        write a commented service.toml
  dualstack check service.toml          is the manifest right? which cases will run?
  dualstack run service.toml            verify the service and write a report
  dualstack explain LISTEN-005          what a requirement means, and how to meet it

exit codes:
  0  everything is as expected
  1  a service breaks a requirement, or does not start
  2  a command, manifest or topology is wrong; or no case was judged
  3  a case could not be judged because of the lab, the harness or this machine
  130  interrupted"""


class _Parser(argparse.ArgumentParser):
    """A parser that suggests the nearest choice."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message, and exit with 2."""
        match = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        super().error(message + (did_you_mean(match[1], match[2].replace("'", "").split(", ")) if match else ""))


class _Commands:
    """Adds commands to a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        """Add commands to ``parser``."""
        self._parsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(self, name: str, summary: str, text: str = "", examples: str = "") -> argparse.ArgumentParser:
        """Add a command and return its parser.

        Args:
            name: Its name; the module of that name in `dualstack.cli` does the work.
            summary: What it does, for the list of commands.
            text: What it does, for its own help; empty for the summary.
            examples: How it is used, one command a line.
        """
        return self._parsers.add_parser(
            name,
            help=summary,
            description=text or summary[0].upper() + summary[1:] + ".",
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog="dualstack",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dualstack {__version__}")
    commands = _Commands(parser)
    for add in _COMMANDS:
        add(commands)
    return parser


def _run(commands: _Commands) -> None:
    """Add ``run``."""
    run = commands.add(
        "run",
        "verify services and write a report",
        "Verify services: check each requirement that applies, on each of its topologies. Results are written to\n"
        "dualstack-results/RUN/; the link dualstack-results/latest points to the newest run that has results.",
        "  dualstack run service.toml\n"
        "  dualstack run service.toml --requirement LISTEN --topology ipv6-only-strict\n"
        "  dualstack run service.toml --suite connect\n"
        "  dualstack run service.toml --suites ./ipv6-suites\n"
        "  dualstack run *.toml -n 4 --strict",
    )
    _add_manifests(run, labs=True)
    _add_suites(run)
    _add_only(run, "configuration", "NAME", "run only this configuration of the services")
    _add_only(run, "suite", "NAME", "run only this suite: listen, connect … (see dualstack list)")
    _add_only(run, "requirement", "ID", "run only this requirement (LISTEN-005) or group (LISTEN)")
    _add_only(run, "topology", "NAME", "run only on this topology (see dualstack list --topologies)")
    _add_only(run, "element", "NAME", "run only for this listener or connector")
    text = "number of parallel processes (default: auto, two for each CPU core if there are many cases)"
    run.add_argument("-n", "--workers", default="auto", metavar="N", help=text)
    text = "write results to this folder (default: dualstack-results)"
    run.add_argument("--results", type=Path, metavar="DIR", help=text)
    run.add_argument("--ignore-known", action="store_true", help="do not treat [[known]] issues specially")
    run.add_argument("--known-only", action="store_true", help="run only the cases of [[known]] issues")
    run.add_argument("--strict", action="store_true", help="exit with 1 also if a SHOULD is not met")


def _survey(commands: _Commands) -> None:
    """Add ``survey``."""
    survey = commands.add(
        "survey",
        "show what services do in each configuration, without judging",
        "For each configuration of a service and each state of the kernel, show which sockets it opens, which\n"
        "families are answered, and which error it reports. Nothing is judged. With --taken, also show what it does\n"
        "if another socket already has its port.",
        "  dualstack survey service.toml\n  dualstack survey --taken --state normal service.toml\n"
        "  dualstack survey --lab docker service.toml\n  dualstack survey --json *.toml > survey.json",
    )
    _add_manifests(survey, labs=True)
    _add_suites(survey)
    _add_only(survey, "configuration", "NAME", "survey only this configuration of the services")
    text = "also start it while another socket has its port, in five ways"
    survey.add_argument("--taken", action="store_true", help=text)
    _add_only(survey, "state", "NAME", "survey only this state of the kernel: the title of a column")
    _add_json(survey)
    text = "number of labs at the same time (default: 2)"
    survey.add_argument("-n", "--workers", type=_positive, default=2, metavar="N", help=text)


def _check(commands: _Commands) -> None:
    """Add ``check``."""
    check = commands.add(
        "check",
        "validate manifests and show which cases will run",
        "Validate manifests. Each fault is shown with its file, line and key, what was found and what is allowed.\n"
        "For a valid manifest: the families that it claims, the number of cases, and the requirements that do not\n"
        "apply, with the reason. Nothing is started.",
        "  dualstack check service.toml\n  dualstack check services/*.toml",
    )
    _add_manifests(check)
    _add_suites(check)


def _init(commands: _Commands) -> None:
    """Add ``init``."""
    init = commands.add(
        "init",
        "write a commented manifest to start from",
        examples="  dualstack init\n  dualstack init tests/shop.toml",
    )
    init.add_argument("file", type=Path, nargs="?", default=Path("service.toml"), help="default: service.toml")
    init.add_argument("--force", action="store_true", help="replace an existing file")


def _list(commands: _Commands) -> None:
    """Add ``list``."""
    listing = commands.add(
        "list",
        "list the requirements or the topologies",
        examples="  dualstack list\n  dualstack list --suite connect\n"
        "  dualstack list --suites ./ipv6-suites\n  dualstack list --topologies\n  dualstack list --json",
    )
    _add_suites(listing)
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--suite", action="append", default=[], metavar="NAME", help="list only this suite (repeatable)")
    which.add_argument("--topologies", action="store_true", help="list the topologies instead of the requirements")
    _add_json(listing)


def _explain(commands: _Commands) -> None:
    """Add ``explain``."""
    explain = commands.add(
        "explain",
        "explain a requirement: what, why, how it is checked, how to fix it",
        examples="  dualstack explain LISTEN-005\n  dualstack explain connect-005 connect-007",
    )
    _add_suites(explain)
    explain.add_argument("id", nargs="+", metavar="ID", help="a requirement, for example LISTEN-005")


def _schema(commands: _Commands) -> None:
    """Add ``schema``."""
    schema = commands.add(
        "schema",
        "print the JSON schema of manifests, for editors",
        examples="  dualstack schema > service.schema.json\n  dualstack schema --suites ./ipv6-suites\n"
        "  dualstack schema --markdown",
    )
    _add_suites(schema)
    schema.add_argument("--topology", action="store_true", help="print the schema of topologies instead")
    schema.add_argument("--markdown", action="store_true", help="print all keys of a manifest as Markdown instead")


def _doctor(commands: _Commands) -> None:
    """Add ``doctor``."""
    _add_json(commands.add("doctor", "show whether this machine can make labs, and how to enable what is missing"))


def _report(commands: _Commands) -> None:
    """Add ``report``."""
    report = commands.add(
        "report",
        "write the reports of a run again, also of a run that was killed",
        examples="  dualstack report\n  dualstack report dualstack-results/20300101T120000Z-abcd",
    )
    report.add_argument("folder", type=Path, nargs="?", help="the run's folder (default: dualstack-results/latest)")


def _sweep(commands: _Commands) -> None:
    """Add ``sweep``."""
    commands.add(
        "sweep",
        "remove what killed runs left on the container engine, and old images",
        "Remove the containers and networks of docker labs whose process has died. Only what has the labels of\n"
        "dualstack is removed; each run with --lab docker does the same when it starts. Then, unless a run is active,\n"
        "remove images that dualstack made and no longer needs: of other versions, of replaced builds, and of deleted\n"
        "folders.",
        "  dualstack sweep",
    )


def _images(commands: _Commands) -> None:
    """Add ``images``."""
    commands.add(
        "images",
        "make base images from Debian packages, without a registry",
        "Make the images debian:RELEASE-slim and python:VERSION-slim from Debian packages of this machine's mirror.\n"
        "Images that the engine already has are kept. Use this where the engine cannot pull from a registry: the\n"
        "image of the prober and images of binaries are based on them.",
        "  dualstack images",
    )


def _rootfs(commands: _Commands) -> None:
    """Add ``rootfs``."""
    rootfs = commands.add(
        "rootfs",
        "manage the private Debian root file systems of services",
        "A service whose manifest names Debian packages runs in a private Debian root file system. mmdebstrap builds\n"
        "it once, in the cache folder. Nothing is installed on this machine.",
        "  dualstack rootfs build service.toml\n  dualstack rootfs list",
    )
    what = rootfs.add_subparsers(dest="what", metavar="WHAT", required=True)
    _add_manifests(what.add_parser("build", help="build one with all packages that these manifests name"))
    what.add_parser("list", help="list those that exist")


_COMMANDS: tuple[Callable[[_Commands], None], ...] = (
    _run, _survey, _check, _init, _list, _explain, _schema, _doctor, _report, _sweep, _images, _rootfs,
)  # fmt: skip
"""The commands, in the order of the help."""


def _add_manifests(parser: argparse.ArgumentParser, *, labs: bool = False) -> None:
    """Add the manifests and, if the command makes labs, the kind of lab."""
    if labs:
        text = f"kind of lab: {' or '.join(BACKENDS)} (default: {BACKENDS[0]})"
        parser.add_argument("--lab", choices=BACKENDS, default=BACKENDS[0], metavar="KIND", help=text)
    parser.add_argument("manifest", type=Path, nargs="+", metavar="FILE", help="manifest of a service (service.toml)")


def _add_suites(parser: argparse.ArgumentParser) -> None:
    """Add the folders of suites from outside."""
    text = "add the suites, topologies and protocols in this folder (repeatable; see docs/own-suites.md)"
    parser.add_argument("--suites", type=Path, action="append", default=[], metavar="DIR", help=text)


def _add_only(parser: argparse.ArgumentParser, name: str, metavar: str, text: str) -> None:
    """Add an option that restricts the command; it can be repeated."""
    parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=f"{text} (repeatable)")


def _add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option for data."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _positive(text: str) -> int:
    """Return a number that is at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: a number that is at least 1")
    return int(text)
