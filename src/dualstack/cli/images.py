"""``dualstack images``: base images made from Debian packages, for engines that cannot pull them."""

import argparse

from dualstack.rootfs.images import build_bases


def main(_: argparse.Namespace) -> int:
    """Build the missing images; print the name of each image."""
    for reference in build_bases():
        print(reference)
    return 0
