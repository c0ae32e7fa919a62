"""``dualstack list``: the requirements, or the topologies."""

import argparse
import json

from rich.table import Table

from dualstack.cli.terminal import Terminal
from dualstack.suites import requirements, suites
from dualstack.topology import load_topology, topology_names


def main(options: argparse.Namespace) -> int:
    """Print a table, or data."""
    if options.topologies:
        worlds = [load_topology(name) for name in topology_names()]
        rows = [{"name": item.name, "title": item.title, "summary": item.summary} for item in worlds]
    else:
        suite_of = {name: suite for suite, items in suites().items() for name in items}
        rows = [
            {
                "id": item.id,
                "suite": suite_of[item.id],
                "level": item.level.value,
                "role": item.role.value,
                "title": item.title,
                "topologies": " ".join(item.topologies),
            }
            for item in requirements(options.suite).values()
        ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    table = Table(*rows[0], box=None, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*row.values())
    Terminal().print(table)
    return 0
