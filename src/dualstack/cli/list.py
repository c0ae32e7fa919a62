"""``dualstack list``: the requirements, the topologies, or the rows of the draft's tables."""

import argparse
import json
from collections.abc import Iterator

from dualstack.cli.terminal import Terminal
from dualstack.scenarios import DRAFT, ROWS, Filling
from dualstack.suites import requirements, suites
from dualstack.topology import load_topology, topology_names


def main(options: argparse.Namespace) -> int:
    """Print a table, or data."""
    if options.plans:
        rows = list(_plans())
    elif options.topologies:
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


def _plans() -> Iterator[dict[str, str]]:
    """Yield each row of the draft's tables, once for each side that a service can be on."""
    for row in ROWS:
        for side, filling in row.fillings.items():
            yield {
                "plan": row.plan.value,
                "section": DRAFT.section(row.plan),
                "client": row.client.value,
                "proxy": row.proxy.value if row.proxy else "",
                "server": row.server.value,
                "service": side.value,
                "filled by": _filled_by(filling),
                "note": filling.note,
            }


def _filled_by(filling: Filling) -> str:
    """Return the cases that fill a cell: ``LISTEN-002 on ipv6-only, ipv6-only-strict``."""
    topologies: dict[str, list[str]] = {}
    for item in filling.evidence:
        topologies.setdefault(item.requirement, []).append(item.topology)
    return "; ".join(f"{name} on {', '.join(names)}" for name, names in topologies.items())
