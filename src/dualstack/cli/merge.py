"""``dualstack merge``: join the results of shards."""

import argparse

from dualstack.cli.terminal import Terminal
from dualstack.report.matrix import show_results
from dualstack.report.merge import merge


def main(options: argparse.Namespace) -> int:
    """Write the folder of the whole run, and print its results; return its exit code."""
    code = merge(options.shard, options.output, partial=options.partial)
    show_results(options.output, Terminal(highlight=False, markup=False, emoji=False))
    return code
