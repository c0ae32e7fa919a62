"""The suites, fixtures, topologies and report templates, under one name in a checkout and in a wheel."""

from pathlib import Path

_HERE = Path(__file__).parent

ROOT = _HERE if (_HERE / "suites").is_dir() else _HERE.parents[2]
"""The folder that holds ``suites/``, ``fixtures/``, ``topologies/`` and ``reports/``."""

__path__ = [str(ROOT)]
