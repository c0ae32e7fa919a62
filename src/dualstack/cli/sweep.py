"""``dualstack sweep``: remove what killed runs left on the container engine, and images that are not needed."""

import argparse

from dualstack.counting import count
from dualstack.lab.docker.engine import connect
from dualstack.lab.docker.labels import sweep
from dualstack.lab.docker.outdated import remove_outdated


def main(_: argparse.Namespace) -> int:
    """Print a line for each removal; objects of active runs and of other programs are kept."""
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
        print(f"{count(len(images), 'image')} no longer needed: {_megabytes(sum(size for _, size in images))}")
    return 0


def _megabytes(size: int) -> str:
    """Return a number of bytes in megabytes, as text."""
    return f"{size / 1e6:.1f} MB"
