"""``run`` and its options: which cases, while you work, what a result means, and where it runs."""

import argparse
from pathlib import Path

from dualstack.cli.commands import Commands
from dualstack.cli.options.common import Group, add_lab, add_manifests, add_only, add_suites, seconds, workers_or_auto
from dualstack.cli.options.sharing import add_compose, add_sharing
from dualstack.cli.results_parser import add_gate
from dualstack.scenarios import DRAFT, Plan

_EXAMPLES = (
    "  dualstack run service.toml\n"
    "  dualstack run service.toml --requirement LISTEN --topology ipv6-only-strict\n"
    "  dualstack run service.toml --suite connect\n"
    "  dualstack run service.toml --last-failed -x\n"
    "  dualstack run service.toml --watch\n"
    '  dualstack run service.toml -k "ipv6-only and not udp" --time-budget 30\n'
    "  dualstack run service.toml --baseline baseline.toml --format github\n"
    "  dualstack run service.toml --plan base --plan extended\n"
    "  dualstack run service.toml --suites ./ipv6-suites\n"
    "  dualstack run *.toml -n 4 --strict\n"
    "  dualstack run *.toml --shard 1/4\n"
    "  dualstack run --lab docker --compose compose.yaml --service web"
)


def add_run(commands: Commands) -> None:
    """Add ``run``."""
    run = commands.add(
        "run",
        "verify services and write a report",
        "Verify services: check each requirement that applies, on each of its topologies. Results are written to\n"
        "dualstack-results/RUN/; the link dualstack-results/latest points to the newest run that has results.",
        _EXAMPLES,
    )
    run.usage = f"{run.prog} [options] FILE ..."
    add_manifests(run, number="*")
    _add_choice(run.add_argument_group("which cases run (without any of these: all that apply)"))
    _add_work(run)
    _add_results(run.add_argument_group("results and CI"))
    where = run.add_argument_group("where it runs")
    add_lab(where)
    add_compose(where)
    add_sharing(where)
    run.set_defaults(detail="usual", failed_first=False)


def _add_choice(group: Group) -> None:
    """Add what chooses cases."""
    add_only(group, "suite", "NAME", "only this suite: listen, connect … (see dualstack list)")
    add_only(group, "requirement", "ID", "only this requirement (LISTEN-005) or group (LISTEN)")
    add_only(group, "topology", "NAME", "only on this topology (see dualstack list --topologies)")
    add_only(group, "element", "NAME", "only this [[listen]], [[connect]] or [[relay]] of the manifest")
    add_only(group, "configuration", "NAME", "only this [[configuration]] of the manifest")
    text = (
        "only the cases whose key (LISTEN-001:shop:web@ipv6-only) contains these words; with and, or, not and "
        'parentheses: -k "udp and not nat64"'
    )
    group.add_argument("-k", dest="keyword", metavar="EXPRESSION", help=text)
    text = "only the cases that failed, were blocked or could not be judged in the newest results; all if none"
    group.add_argument("--last-failed", action="store_true", help=text)
    text = "only the cases of [[known]] issues: do these bugs still exist?"
    group.add_argument("--known-only", action="store_true", help=text)
    plans = [plan.value for plan in Plan]
    text = (
        f"only the cases that fill these rows of the tables of {DRAFT.name}: {', '.join(plans)}; the report shows "
        "the filled tables (repeatable; see dualstack list --plans)"
    )
    group.add_argument("--plan", action="append", default=[], choices=plans, metavar="NAME", help=text)
    add_suites(group)


def _add_work(run: argparse.ArgumentParser) -> None:
    """Add what is for the work on a service."""
    group = run.add_argument_group("while you work")
    text = (
        "run again whenever the manifest, its program or a file beside them changes; what failed last time runs first"
    )
    group.add_argument("--watch", action="store_true", help=text)
    text = "start no further case after the first one that fails"
    group.add_argument("-x", "--fail-fast", action="store_true", help=text)
    text = (
        "start no further case after so many seconds; the most valuable cases run first: the start of the service, "
        "those that failed last time, then MUST, SHOULD and OBSERVE. The others are reported as not run (exit code 3)"
    )
    group.add_argument("--time-budget", type=seconds, metavar="SECONDS", help=text)
    text = (
        "after a failure open a shell in a new namespace lab like that of the first case that failed (dualstack shell)"
    )
    group.add_argument("--keep", action="store_true", help=f"{text}; without a terminal, print its command")
    how = group.add_mutually_exclusive_group()
    text = "show only what needs attention and the headline"
    how.add_argument("-q", "--quiet", dest="detail", action="store_const", const="quiet", help=text)
    text = "show a line for each case"
    how.add_argument("-v", "--verbose", dest="detail", action="store_const", const="verbose", help=text)
    text = (
        "number of parallel processes, never more than cases (default: auto, two for each CPU core, four for "
        "connectors; one for few cases)"
    )
    group.add_argument("-n", "--workers", type=workers_or_auto, metavar="N", help=text)


def _add_results(group: Group) -> None:
    """Add where results go, and what they mean."""
    text = "write results to this folder (default: dualstack-results)"
    group.add_argument("--results", type=Path, metavar="DIR", help=text)
    group.add_argument("--strict", action="store_true", help="exit with 1 also if a SHOULD is not met")
    text = "judge [[known]] issues like all other cases: they fail the run"
    group.add_argument("--ignore-known", action="store_true", help=text)
    add_gate(group)
