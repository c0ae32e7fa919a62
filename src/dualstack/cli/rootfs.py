"""``dualstack rootfs``: the private Debian root file systems."""

import argparse

from dualstack.rootfs import build_for, list_roots


def main(options: argparse.Namespace) -> int:
    """Build one, or list them."""
    if options.what == "build":
        print(build_for(options.manifest))
    else:
        for root in list_roots():
            print(f"{root.path}\n  built {root.built} with {' '.join(root.requested)}")
    return 0
