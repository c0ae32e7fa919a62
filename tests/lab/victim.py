"""A test run to be killed: it makes labs, starts processes in them, reports what it made, and waits.

Arguments: how many labs, and a folder for what is started in them.
"""

import json
import os
import signal
import sys
from contextlib import suppress

from dualstack.lab.netns import NetnsBackend
from dualstack.lab.proving import prove
from dualstack.prober.messages import Launch
from dualstack.topology import load_topology, topology_names


def main() -> None:
    """Run until killed or interrupted; an interrupt closes everything in order."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
    backend = NetnsBackend()
    labs = [backend.up(load_topology(name)) for name in topology_names()[: int(sys.argv[1])]]
    scratch = sys.argv[2]
    proved = 0
    for lab in labs:
        proved += len(prove(lab))
        sleeper = ("/bin/sh", "-c", "trap '' TERM INT HUP; sleep 1000 & setsid sleep 1000 & wait")
        environment = {"PATH": os.defpath}
        lab.hosts["service"].start(Launch(sleeper, directory=scratch, environment=environment, scratch=scratch))
        lab.hosts["peer"].inside("dualstack.lab.facts:serve")
    supervisor = backend._supervisor
    assert supervisor is not None
    told = {"pids": supervisor.pids, "namespaces": sorted(supervisor.namespaces), "proved": proved, "uid": os.getuid()}
    with suppress(KeyboardInterrupt):
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    before = backend.leftovers()
    backend.close()
    sys.stdout.write(json.dumps({"before": before, "after": backend.leftovers()}) + "\n")


if __name__ == "__main__":
    main()
