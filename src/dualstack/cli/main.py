"""The commands and their options; each command's work stands in a module of its own."""

import argparse
import gc
import re
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from dualstack import __version__
from dualstack.cli.terminal import abandon_output, prepare_output
from dualstack.errors import DualstackError, UsageError
from dualstack.kinds import KINDS
from dualstack.manifest.placeholders import did_you_mean
from dualstack.verdict import INTERRUPTED

_DESCRIPTION = """\
Proves, with packet evidence, that a network service works on IPv4-only, IPv6-only and dual-stack networks.

Every case runs in a lab of its own: Linux namespaces that need no root, no daemon and no image, and that cannot reach
any real network; or, with --lab docker, the same worlds made of containers, for services that ship as images."""

_EXAMPLES = """\
first steps:
  dualstack doctor                      what this machine can do
  dualstack init                        write a commented service.toml
  dualstack check service.toml          is it right? which cases will run?
  dualstack run service.toml            verify the service, write a report
  dualstack explain LISTEN-005          what a requirement means, and how to meet it

exit codes:
  0  all as expected
  1  a service breaks a requirement, or does not start
  2  wrong usage, manifest or topology; or nothing was verified
  3  the lab, the harness or the machine is the reason that something could not be judged
  130  interrupted"""


class _Parser(argparse.ArgumentParser):
    """A parser that says which choice was perhaps meant."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message, and exit with 2."""
        match = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        super().error(message + (did_you_mean(match[1], match[2].replace("'", "").split(", ")) if match else ""))


def _positive(text: str) -> int:
    """Return a number that is at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed: a number that is at least 1")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog="dualstack",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dualstack {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, summary: str, text: str = "", examples: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=summary,
            description=text or summary[0].upper() + summary[1:] + ".",
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    run = command(
        "run",
        "verify services and write a report",
        "Verify services: every requirement that applies, on every topology that it is sensitive to.\n"
        "Results go to dualstack-results/RUN/; dualstack-results/latest leads to the newest that has any.",
        "  dualstack run service.toml\n"
        "  dualstack run service.toml --requirement LISTEN --topology ipv6-only-strict\n"
        "  dualstack run service.toml --suite connect\n"
        "  dualstack run *.toml -n 4 --strict",
    )
    _run_options(run)

    survey = command(
        "survey",
        "show what services really do, without judging",
        "For each way in which a service can be configured, and each state of a kernel: which sockets it opens, which\n"
        "families answer, which error it gives. Nothing is judged. With --taken also what becomes of it where\n"
        "another socket has its port already.",
        "  dualstack survey service.toml\n  dualstack survey --taken --state normal service.toml\n"
        "  dualstack survey --lab docker service.toml\n  dualstack survey --json *.toml > survey.json",
    )
    _manifests(survey, labs=True)
    survey.add_argument("--configuration", action="append", default=[], metavar="NAME", help="only this configuration")
    survey.add_argument("--taken", action="store_true", help="also with the port taken by another socket, in five ways")
    survey.add_argument(
        "--state", action="append", default=[], metavar="NAME", help="only this state, as its column says"
    )
    survey.add_argument("--json", action="store_true", help="print data instead of a table")
    survey.add_argument("-n", "--workers", type=_positive, default=2, metavar="N", help="labs at once (default: 2)")

    check = command(
        "check",
        "validate manifests, and say what would be run",
        "Validate manifests: every fault is named with its key, what was found and what is allowed. Of a right one:\n"
        "what it claims, how many cases that makes, and which requirements do not apply and why. Nothing is started.",
        "  dualstack check service.toml\n  dualstack check services/*.toml",
    )
    _manifests(check)

    init = command(
        "init",
        "write a commented manifest to start from",
        examples="  dualstack init\n  dualstack init tests/shop.toml",
    )
    init.add_argument("file", type=Path, nargs="?", default=Path("service.toml"), help="default: service.toml")
    init.add_argument("--force", action="store_true", help="replace an existing file")

    listing = command(
        "list",
        "list the requirements, or the topologies",
        examples="  dualstack list\n  dualstack list --suite connect\n"
        "  dualstack list --topologies\n  dualstack list --json",
    )
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--suite", action="append", default=[], metavar="NAME", help="only those of this suite")
    which.add_argument("--topologies", action="store_true", help="list the topologies instead")
    listing.add_argument("--json", action="store_true", help="print data instead of a table")

    explain = command(
        "explain",
        "print a requirement: what, why, how it is checked, how to meet it",
        examples="  dualstack explain LISTEN-005\n  dualstack explain connect-005 connect-007",
    )
    explain.add_argument("id", nargs="+", metavar="ID", help="a requirement such as LISTEN-005")

    schema = command(
        "schema",
        "print the JSON schema of manifests",
        examples="  dualstack schema > service.schema.json\n  dualstack schema --markdown",
    )
    schema.add_argument("--topology", action="store_true", help="print that of topologies instead")
    schema.add_argument("--markdown", action="store_true", help="print the reference of the manifest's keys instead")

    doctor = command("doctor", "say what this machine can do, what not, and how to enable it")
    doctor.add_argument("--json", action="store_true", help="print data instead of a table")

    report = command(
        "report",
        "write the reports of a run again, also of one that was killed",
        examples="  dualstack report\n  dualstack report dualstack-results/20300101T120000Z-abcd",
    )
    report.add_argument("folder", type=Path, nargs="?", help="the run's folder (default: dualstack-results/latest)")

    command(
        "sweep",
        "remove what killed runs have left on the container engine, and old images",
        "Remove the containers and networks of runs in docker labs whose process is dead: those with this project's\n"
        "labels and no others. The start of every such run does the same. Then, unless a run lives, remove the images\n"
        "that were made here and that nothing needs: of other versions, replaced ones, or of folders that are gone.",
        "  dualstack sweep",
    )

    command(
        "images",
        "make base images of Debian packages, without a registry",
        "Make debian:RELEASE-slim and python:VERSION-slim of Debian packages, with the machine's own mirror, unless\n"
        "the engine has them already. The prober's image and images of binaries are based on them.",
        "  dualstack images",
    )

    rootfs = command(
        "rootfs",
        "manage the private Debian root file systems that manifests ask for",
        "Services whose manifests name Debian packages run in a private Debian root file system, built once by\n"
        "mmdebstrap into the cache folder. Nothing is installed on the machine itself.",
        "  dualstack rootfs build service.toml\n  dualstack rootfs list",
    )
    what = rootfs.add_subparsers(dest="what", metavar="WHAT", required=True)
    build = what.add_parser("build", help="build one with everything that these manifests name")
    _manifests(build)
    what.add_parser("list", help="list those that are built")
    return parser


def _run_options(run: argparse.ArgumentParser) -> None:
    """Add the options of a run."""
    _manifests(run, labs=True)
    run.add_argument("--configuration", action="append", default=[], metavar="NAME", help="only this configuration")
    run.add_argument("--suite", action="append", default=[], metavar="NAME", help="only this suite: listen, connect …")
    run.add_argument("--requirement", action="append", default=[], metavar="ID", help="only this one, or this group")
    run.add_argument("--topology", action="append", default=[], metavar="NAME", help="only this topology")
    run.add_argument("--element", action="append", default=[], metavar="NAME", help="only this listener or connector")
    run.add_argument(
        "-n",
        "--workers",
        default="auto",
        metavar="N",
        help="parallel processes (default: auto, two for each core if there are many cases)",
    )
    run.add_argument("--results", type=Path, metavar="DIR", help="where results go (default: dualstack-results)")
    run.add_argument(
        "--ignore-known", action="store_true", help="judge failings that the manifest knows like any other"
    )
    run.add_argument(
        "--known-only", action="store_true", help="run only the cases that [[known]] names: are they still there?"
    )
    run.add_argument("--strict", action="store_true", help="a SHOULD that is not met counts like a MUST")


def _manifests(parser: argparse.ArgumentParser, *, labs: bool = False) -> None:
    """Add the manifests, which most commands take, and what labs are made of."""
    if labs:
        kinds = " or ".join(KINDS)
        parser.add_argument(
            "--lab", choices=KINDS, default=KINDS[0], metavar="KIND", help=f"what labs are made of: {kinds}"
        )
    parser.add_argument("manifest", type=Path, nargs="+", metavar="FILE", help="a service's manifest (service.toml)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    prepare_output()
    options = _parser().parse_args(arguments)
    work: Callable[[argparse.Namespace], int] = import_module(f"dualstack.cli.{options.command}").main
    gc.freeze()  # what is imported is not garbage: neither this process nor those it forks need look at it again
    gc.enable()
    # A run imports its suites, and takes Ctrl-C over itself before it starts anything.
    if options.command != "run" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # everything is imported: see `dualstack.start`
    try:
        code = work(options)
        sys.stdout.flush()
    except UsageError as error:
        print(f"dualstack: {error}", file=sys.stderr)
        return 2
    except DualstackError as error:
        print(f"dualstack: {type(error).__name__}: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("dualstack: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        abandon_output()
        return 0
    except OSError as error:  # a full disk, say: not the service's fault, which is what 1 would mean
        print(f"dualstack: {error}", file=sys.stderr)
        return 3
    return code
