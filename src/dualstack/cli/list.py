"""``dualstack list``: the requirements, or the topologies."""

import argparse
import json

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
    Terminal(highlight=False).table([*rows[0]], [[*row.values()] for row in rows])
    return 0
