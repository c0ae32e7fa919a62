"""The command line: each command with its help, examples and options."""

import argparse
from collections.abc import Callable
from pathlib import Path

import dualstack
from dualstack.cli.commands import Commands, Parser
from dualstack.cli.options.common import add_json, add_manifests, add_only, add_suites, seconds, workers
from dualstack.cli.options.running import add_run
from dualstack.cli.options.sharing import add_merge
from dualstack.cli.options.starting import add_init
from dualstack.cli.options.tools import add_completion, add_help, add_man, add_shell
from dualstack.cli.results_parser import add_baseline, add_diff, add_report, add_statement
from dualstack.scenarios import DRAFT

_DESCRIPTION = """\
Tests whether a network service works on IPv4-only, IPv6-only and dual-stack networks. The packets are the evidence.

Each case runs in its own lab: a few hosts in Linux network namespaces, without root, daemon or container image, and
without access to any real network. With --lab docker the hosts are containers, and the service runs in its image."""

_EXAMPLES = """\
first steps:
  dualstack doctor                      can this machine make labs?
  dualstack try -- ./server             what does it serve, on which networks?
  dualstack init                        write a commented service.toml
  dualstack check service.toml          is the manifest right? which cases will run?
  dualstack run service.toml            verify the service and write a report
  dualstack explain LISTEN-005          what a requirement means, and how to meet it

exit codes:
  0  everything is as expected
  1  a service breaks a requirement, or does not start
  2  a command, manifest or topology is wrong; or no case was judged
  3  some cases could not be judged, or did not run; others may have failed: see the report
  130  interrupted"""


class _Version(argparse.Action):
    """Prints the version, which is looked up only then: that takes longer than most commands."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and end."""
        print(f"dualstack {dualstack.__version__}")
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="dualstack",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = Commands(parser)
    for add in _COMMANDS:
        add(commands)
    return parser


def _try(commands: Commands) -> None:
    """Add ``try``."""
    trying = commands.add(
        "try",
        "show what a command serves on each kind of host, without a manifest",
        "Start a program that listens on each kind of host, find its ports and what it speaks, and show which\n"
        "families it serves, with the reason of every failure. The program must run in the foreground. With --client,\n"
        "run a command that connects to addresses and names, also on broken networks. Write {target} for host:port,\n"
        "or {host} and {port}.",
        "  dualstack try -- ./server --port 8080\n"
        "  dualstack try --client -- curl http://{target}/\n"
        "  dualstack try --save service.toml -- python3 -m http.server 8080\n"
        "  dualstack try --package nginx -- nginx -g 'daemon off;'\n"
        "  dualstack try --image registry.example/shop:1.4",
    )
    trying.usage = f"{trying.prog} [options] -- COMMAND ..."
    trying.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command, with its options")
    text = "try a container image on the Docker lab; the words after -- replace its command"
    trying.add_argument("--image", default="", metavar="NAME", help=text)
    text = "run it in a private Debian root file system with this package, which is built once (repeatable)"
    trying.add_argument("--package", action="append", default=[], metavar="NAME", help=text)
    trying.add_argument("--save", type=Path, metavar="FILE", help="write a manifest with what was found")
    trying.add_argument("--client", action="store_true", help="the command connects to a server, and then ends")
    text = "with --client: what its server speaks (default: what the command suggests)"
    trying.add_argument("--protocol", default="", metavar="NAME", help=text)
    text = "how long it may take to open its first port (default: 10)"
    trying.add_argument("--wait", type=seconds, default=10.0, metavar="SECONDS", help=text)


def _survey(commands: Commands) -> None:
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
    add_manifests(survey, labs=True)
    add_suites(survey)
    add_only(survey, "configuration", "NAME", "survey only this configuration of the services")
    text = "also start it while another socket has its port, in five ways"
    survey.add_argument("--taken", action="store_true", help=text)
    add_only(survey, "state", "NAME", "survey only this state of the kernel: the title of a column")
    add_json(survey)
    text = "number of labs at the same time (default: 2)"
    survey.add_argument("-n", "--workers", type=workers, default=2, metavar="N", help=text)


def _check(commands: Commands) -> None:
    """Add ``check``."""
    check = commands.add(
        "check",
        "validate manifests and show which cases will run",
        "Validate manifests. Each fault is shown with its file, line and key, what was found and what is allowed.\n"
        "For a valid manifest: the families that it claims, the number of cases, and the requirements that do not\n"
        "apply, with the reason. Nothing is started.",
        "  dualstack check service.toml\n  dualstack check services/*.toml",
    )
    add_manifests(check)
    add_suites(check)


def _list(commands: Commands) -> None:
    """Add ``list``."""
    listing = commands.add(
        "list",
        "list the requirements, the topologies or the plans",
        examples="  dualstack list\n  dualstack list --suite connect\n  dualstack list --suites ./ipv6-suites\n"
        "  dualstack list --topologies\n  dualstack list --plans\n  dualstack list --json",
    )
    add_suites(listing)
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--suite", action="append", default=[], metavar="NAME", help="list only this suite (repeatable)")
    which.add_argument("--topologies", action="store_true", help="list the topologies instead of the requirements")
    text = f"list the rows of the tables of {DRAFT.name}, and the cases that fill them, instead"
    which.add_argument("--plans", action="store_true", help=text)
    add_json(listing)


def _explain(commands: Commands) -> None:
    """Add ``explain``."""
    explain = commands.add(
        "explain",
        "explain a requirement, or a cause that a report names: what, why, how it is checked, how to fix it",
        examples="  dualstack explain LISTEN-005\n  dualstack explain connect-005 RC-V6ONLY",
    )
    add_suites(explain)
    text = "a requirement, for example LISTEN-005, or a cause, for example RC-V6ONLY"
    explain.add_argument("id", nargs="+", metavar="ID", help=text)


def _schema(commands: Commands) -> None:
    """Add ``schema``."""
    schema = commands.add(
        "schema",
        "print the JSON schema of manifests, for editors, or of results",
        examples="  dualstack schema > service.schema.json\n  dualstack schema --suites ./ipv6-suites\n"
        "  dualstack schema --markdown\n  dualstack schema --results",
    )
    add_suites(schema)
    schema.add_argument("--topology", action="store_true", help="print the schema of topologies instead")
    schema.add_argument("--results", action="store_true", help="print the schema of results.json instead")
    schema.add_argument("--markdown", action="store_true", help="print all keys of a manifest as Markdown instead")


def _doctor(commands: Commands) -> None:
    """Add ``doctor``."""
    add_json(commands.add("doctor", "show whether this machine can make labs, and how to enable what is missing"))


def _sweep(commands: Commands) -> None:
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


def _images(commands: Commands) -> None:
    """Add ``images``."""
    commands.add(
        "images",
        "make base images from Debian packages, without a registry",
        "Make the images debian:RELEASE-slim and python:VERSION-slim from Debian packages of this machine's mirror.\n"
        "Images that the engine already has are kept. Use this where the engine cannot pull from a registry: the\n"
        "image of the prober and images of binaries are based on them.",
        "  dualstack images",
    )


def _rootfs(commands: Commands) -> None:
    """Add ``rootfs``."""
    rootfs = commands.add(
        "rootfs",
        "manage the private Debian root file systems of services",
        "A service whose manifest names Debian packages runs in a private Debian root file system. mmdebstrap builds\n"
        "it once, in the cache folder. Nothing is installed on this machine.",
        "  dualstack rootfs build service.toml\n  dualstack rootfs list",
    )
    what = rootfs.add_subparsers(dest="what", metavar="WHAT", required=True)
    text = "build one with all packages that these manifests name"
    build = what.add_parser("build", help=text, epilog="examples:\n  dualstack rootfs build service.toml")
    build.formatter_class = argparse.RawDescriptionHelpFormatter
    build.description = "Build one root file system with all packages that these manifests name (service.packages)."
    add_manifests(build)
    what.add_parser(
        "list", help="list those that exist", description="List the root file systems, with their packages."
    )


_COMMANDS: tuple[Callable[[Commands], None], ...] = (
    _try, add_init, _check, add_run, add_shell, _explain, _list, _doctor, add_help,  # every day
    add_report, add_diff, add_baseline, add_statement, add_merge, _survey,  # results
    _rootfs, _images, _sweep, _schema, add_completion, add_man,  # once
)  # fmt: skip
"""The commands, in the order of the help."""
