"""The options of ``run`` for compose files and for several machines, and ``merge``."""

from pathlib import Path

from dualstack.cli.commands import Commands
from dualstack.cli.options.common import Group


def add_sharing(run: Group) -> None:
    """Add what spreads a run over several machines."""
    text = "with --lab docker: spread the workers over these engines (repeatable; default: that of DOCKER_HOST)"
    run.add_argument("--docker-host", action="append", default=[], metavar="URL", help=text)
    text = (
        "run only the I-th of N parts of the cases, for several machines; then dualstack merge (dualstack help shards)"
    )
    run.add_argument("--shard", metavar="I/N", help=text)
    text = "with --shard: balance by the durations in this run's folder (default: the newest whole run; else estimates)"
    run.add_argument("--durations", type=Path, metavar="DIR", help=text)


def add_compose(run: Group) -> None:
    """Add what takes a service from a compose file."""
    text = (
        "with --lab docker: take the service from this compose file; those that it depends on are its components "
        "(dualstack help compose)"
    )
    run.add_argument("--compose", type=Path, metavar="FILE", help=text)
    run.add_argument("--service", default="", metavar="NAME", help="with --compose: the service that is verified")
    run.add_argument(
        "--save", type=Path, metavar="FILE", help="with --compose: write the manifest to this file, to edit it"
    )


def add_merge(commands: Commands) -> None:
    """Add ``merge``."""
    merge = commands.add(
        "merge",
        "join the results of shards into those of one run",
        "Join the folders of all shards of a run (dualstack run --shard i/n) into one folder with all reports, as if\n"
        "one machine had run all cases. The exit code is that of the whole run. A shard that is missing, given twice,\n"
        "interrupted, or of another version, manifest or selection is an error; with --partial the reports say what\n"
        "is missing.",
        "  dualstack merge shard-1 shard-2 shard-3 -o merged\n  dualstack merge downloads/*/latest -o merged --partial",
    )
    merge.add_argument("shard", type=Path, nargs="+", metavar="DIR", help="the folder of a shard's run")
    merge.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write; must be new"
    )
    merge.add_argument("--partial", action="store_true", help="also if shards are missing or were interrupted")
