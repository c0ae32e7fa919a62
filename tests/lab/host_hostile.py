"""Runs the hostile service (or another) in a lab as the current user, and prints its output.

Arguments: its working directory, and its command.
"""

import os
import sys

from dualstack.deadline import Deadline
from dualstack.lab.netns import NetnsBackend
from dualstack.prober.messages import Launch
from dualstack.topology import load_topology


def main() -> None:
    """Run it to its end."""
    directory, *command = sys.argv[1:]
    backend = NetnsBackend()
    try:
        host = backend.up(load_topology("dual-stack")).hosts["service"]
        environment = {"PATH": os.defpath, "HOME": "/dev/shm/scratch"}  # noqa: S108 - the host's own
        program = host.start(Launch(tuple(command), directory, environment, "/dev/shm/scratch"))  # noqa: S108
        how = program.wait(Deadline(30, "the end of the hostile service"))
        sys.stdout.write(program.log().text)
        sys.exit(how.code if how.code is not None else str(how))
    finally:
        backend.close()


if __name__ == "__main__":
    main()
