"""``dualstack sweep``: remove what runs have left on the container engine that were killed."""

import argparse

from dualstack.lab.docker.engine import connect
from dualstack.lab.docker.labels import sweep


def main(_: argparse.Namespace) -> int:
    """Remove it, one line each; what lives, and what is not ours, is left alone."""
    engine = connect()
    try:
        removed = sweep(engine)
    finally:
        engine.close()
    for line in removed:
        print(f"removed {line}")
    if not removed:
        print("nothing was left by dead runs")
    return 0
