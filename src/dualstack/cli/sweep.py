"""``dualstack sweep``: remove what killed runs have left on the container engine, and images that nothing needs."""

import argparse

from dualstack.lab.docker.engine import connect
from dualstack.lab.docker.labels import sweep
from dualstack.lab.docker.outdated import remove_outdated


def main(_: argparse.Namespace) -> int:
    """Remove it, one line each; what lives, and what is not ours, is left alone."""
    engine = connect()
    try:
        removed = sweep(engine)
        for line in removed:
            print(f"removed {line}")
        if not removed:
            print("nothing was left by dead runs")
        images = remove_outdated(engine)
    finally:
        engine.close()
    for name, size in images:
        print(f"removed image {name}, {_megabytes(size)}")
    if images:
        print(f"{len(images)} images that nothing needs any more: {_megabytes(sum(size for _, size in images))}")
    return 0


def _megabytes(size: int) -> str:
    """Write a number of bytes."""
    return f"{size / 1e6:.1f} MB"
