"""``dualstack doctor``: what this machine can do."""

import argparse
import dataclasses
import json

from dualstack.cli.terminal import Terminal
from dualstack.doctor import diagnose, diagnose_engine


def main(options: argparse.Namespace) -> int:
    """Print each check; exit 3 if the embedded lab cannot be made here."""
    checks = [*diagnose(), *diagnose_engine()]
    if options.json:
        print(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        console = Terminal(highlight=False)
        for check in checks:
            mark = "[green]yes[/]" if check.ok else "[red]no [/]" if check.required else "[yellow]no [/]"
            console.print(f"{mark}  {check.name}: ", end="")
            console.print(check.found, markup=False)
            if not check.ok:
                console.print(f"       to enable it: {check.enable}", markup=False)
    return 3 if any(check.required and not check.ok for check in checks) else 0
