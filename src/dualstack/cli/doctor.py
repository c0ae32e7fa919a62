"""``dualstack doctor``: whether this machine can make labs."""

import argparse
import dataclasses
import json

from dualstack.cli.terminal import Terminal
from dualstack.doctor import diagnose, diagnose_engine


def main(options: argparse.Namespace) -> int:
    """Print each check; exit 3 if the namespace lab cannot be made here."""
    checks = [*diagnose(), *diagnose_engine()]
    able = all(check.ok for check in checks if check.required)
    if options.json:
        print(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        console = Terminal(highlight=False)
        for check in checks:
            mark = "green" if check.ok else "red" if check.required else "yellow"
            name = check.name + ", optional" * (not check.ok and not check.required)
            console.paragraph(f"{'yes' if check.ok else 'no '}  {name}: {check.found}", hang=5, lead=3, mark=mark)
            if not check.ok:
                console.paragraph(f"to enable it: {check.enable}", indent=7, hang=2)
        console.print()
        console.paragraph(_ABLE if able else _UNABLE)
    return 0 if able else 3


_ABLE = "This machine can make labs. Next: dualstack try -- ./server --port 8080"

_UNABLE = "This machine cannot make labs yet: enable what begins with “no” and is not optional."
