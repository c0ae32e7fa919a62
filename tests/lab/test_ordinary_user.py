"""The namespace lab needs no root: the same labs, proofs and clean-up as an ordinary user."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualstack.lab.leftovers import boot_ticks, holders
from dualstack.lab.netns import NetnsBackend
from dualstack.lab.proofs import planned_proofs
from dualstack.topology import load_topology, topology_names

NOBODY = 65534

VICTIM = Path(__file__).with_name("victim.py")


def ordinary_python() -> tuple[str, dict[str, str]]:
    """Return a Python that an ordinary user can run, and its environment, or skip."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    version = f"python3.{sys.version_info.minor}"
    candidates = [sys.executable, *filter(None, (shutil.which(version, path="/usr/bin:/usr/local/bin"),))]
    for candidate in candidates:
        command = [candidate, "-c", "import dualstack.lab.netns"]
        try:
            subprocess.run(
                command, user=NOBODY, group=NOBODY, extra_groups=[], env=environment, check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate, environment
    if os.environ.get("CI") == "true":
        pytest.fail(f"no Python that an ordinary user can run: {candidates}")
    pytest.skip(f"no Python that an ordinary user can run: {candidates}")


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Return a folder whose parents every user may enter, unlike those of ``tmp_path``."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="every test here runs as an ordinary user already")
def test_every_world_as_an_ordinary_user(backend: NetnsBackend, scratch: Path) -> None:
    """As an ordinary user every topology can be made, all of its proofs hold, services start, and nothing is left."""
    python, environment = ordinary_python()
    names = topology_names()
    os.chown(scratch, NOBODY, NOBODY)
    command = [python, str(VICTIM), str(len(names)), str(scratch)]
    before = boot_ticks()
    done = subprocess.run(
        command,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told, end = (json.loads(line) for line in done.stdout.splitlines())
    expected = sum(len(proofs) for name in names for proofs in planned_proofs(load_topology(name)).values())
    assert told["uid"] == NOBODY
    assert told["proved"] == expected
    assert end["before"], "the check sees what is there"
    assert end["after"] == []
    assert holders(set(told["namespaces"]), before) == []
