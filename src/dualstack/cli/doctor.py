"""``dualstack doctor``: whether this machine can make labs."""

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
            mark = "green" if check.ok else "red" if check.required else "yellow"
            console.paragraph(f"{'yes' if check.ok else 'no '}  {check.name}: {check.found}", hang=5, lead=3, mark=mark)
            if not check.ok:
                console.paragraph(f"to enable it: {check.enable}", indent=7, hang=2)
    return 3 if any(check.required and not check.ok for check in checks) else 0
