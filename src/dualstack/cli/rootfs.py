"""``dualstack rootfs``: the private Debian root file systems."""

import argparse
import sys

from dualstack.rootfs import build_for, list_roots


def main(options: argparse.Namespace) -> int:
    """Build one, or list them."""
    if options.what == "build":
        print(build_for(options.manifest))
    else:
        roots = [*list_roots()]
        if not roots:
            print("there is none; dualstack rootfs build FILE makes that of a manifest", file=sys.stderr)
        for root in roots:
            print(f"{root.path}\n  built {root.built} with {' '.join(root.requested)}")
    return 0
