"""``dualstack try --image``: a container image without a manifest."""

from pathlib import Path

import pytest

from dualstack.cli.main import main
from dualstack.lab.docker.engine import Engine
from dualstack.manifest import load_manifest
from dualstack.manifest.subject import PYTHON_BASE

SERVER = "import http.server as h; h.ThreadingHTTPServer(('', 8080), h.SimpleHTTPRequestHandler).serve_forever()"


@pytest.mark.usefixtures("engine")
def test_an_image_of_one_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image that listens on 0.0.0.0 has the crosses of such a program, and the manifest that is saved is valid."""
    monkeypatch.chdir(tmp_path)
    words = ["try", "--image", PYTHON_BASE, "--save", "service.toml", "--", "python3", "-c", SERVER]
    assert main(words) == 1
    printed = capsys.readouterr().out
    assert "8080/tcp  HTTP; 0.0.0.0 (IPv4)" in printed
    assert "✗ port 8080 over IPv6: it listens only on 0.0.0.0 (IPv4) (Dual-stack; " in printed
    assert "next: dualstack run --lab docker service.toml" in printed
    manifest = load_manifest(tmp_path / "service.toml")
    assert manifest.image is not None
    assert (manifest.image.name, manifest.image.command) == (PYTHON_BASE, ["python3", "-c", SERVER])


def test_an_image_that_does_not_exist(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """An image that the engine has not and cannot pull is named."""
    assert engine.version
    assert main(["try", "--image", "127.0.0.1:9/none:1"]) == 2
    assert capsys.readouterr().err.startswith("dualstack: --image: found '127.0.0.1:9/none:1': the engine has no such")
