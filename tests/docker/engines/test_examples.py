"""The examples for continuous integration do what they say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dualstack.manifest.subject import PYTHON_BASE

if TYPE_CHECKING:
    from tests.docker.engines.conftest import Bench, OwnEngine

EXAMPLES = Path(__file__).parents[3] / "examples" / "ci"


@pytest.mark.parametrize(("bind", "code"), [("::", 0), ("0.0.0.0", 1)], ids=["correct", "broken"])
def test_the_plain_script_verifies_a_built_image(
    bench: "Bench",
    own_engine: "OwnEngine",
    bind: str,
    code: int,
) -> None:
    """``plain.sh --image IMAGE`` ends with 0 for a correct image and with 1 for one that serves IPv4 only."""
    if shutil.which("docker") is None:
        pytest.skip("no docker lab: the example needs the docker command")
    service = EXAMPLES.parents[1] / "fixtures" / "services" / "reference" / "echo.py"
    command = f'CMD ["python3", "/echo.py", "--bind", "{bind}", "--port", "7007"]'
    lines = (f"FROM {PYTHON_BASE}", "COPY echo.py /", command)
    built = own_engine.build("dualstack-test:built", *lines, files={"echo.py": service})
    bench.manifest("service", 'name = "shop:under-test"')
    done = subprocess.run(
        ["sh", str(EXAMPLES / "plain.sh"), "--image", built, "--requirement", "LISTEN-001"],
        cwd=bench.folder,
        env={
            **os.environ,
            "DOCKER_HOST": own_engine.address,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done
    assert "nothing was left by dead runs" in done.stdout
