"""``dualstack images``: base images made of Debian packages, for engines that cannot pull any."""

import argparse

from dualstack.rootfs.images import build_bases


def main(_: argparse.Namespace) -> int:
    """Build what is missing, and name each image that is there."""
    for reference in build_bases():
        print(reference)
    return 0
