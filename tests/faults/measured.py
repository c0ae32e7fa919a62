"""Runs a command and writes how much memory the largest of its processes took: measured.py FILE COMMAND...

The kernel counts the memory of the process that forks another one for both, so the forking process must be small: the
tests are not.
"""

import resource
import subprocess
import sys
from pathlib import Path

code = subprocess.run(sys.argv[2:], check=False).returncode
Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10), encoding="utf-8")
sys.exit(code)
