"""The files of topologies: the project's, and those in the folders of suites from outside."""

from pathlib import Path

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.extensions import outside_folders
from dualstack.manifest.faults import refusal
from dualstack.manifest.toml import load_toml
from dualstack.suggestion import did_you_mean
from dualstack.topology.faults import faults_of
from dualstack.topology.model import Topology

TOPOLOGIES = ROOT / "topologies"


def _files() -> dict[str, Path]:
    """Return the file of each topology by its name: ours, and those in the folders of suites from outside.

    Raises:
        UsageError: Two files have the same name.
    """
    found: dict[str, Path] = {}
    for folder in (TOPOLOGIES, *(item.path / "topologies" for item in outside_folders())):
        for path in sorted(folder.glob("*.toml")):
            other = found.setdefault(path.stem, path)
            if other != path:
                raise UsageError(f"{path}: a topology of this name exists already, in {other}: rename the file")
    return found


def topology_names() -> list[str]:
    """Return the names of the topologies that there are."""
    return sorted(_files())


def load_topology(name: str) -> Topology:
    """Return the topology of that name.

    Raises:
        UsageError: There is none, or its file has faults.
    """
    known = _files()
    if name not in known:
        hint = did_you_mean(name, list(known))
        raise UsageError(f"no topology {name!r} (there are: {', '.join(sorted(known))}){hint}")
    return read_topology(known[name])


def read_topology(path: Path) -> Topology:
    """Return the topology that a file describes.

    Raises:
        UsageError: The file has faults; all are reported.
    """
    topology = load_toml(path, Topology)
    if faults := faults_of(topology):
        raise refusal(path, faults)
    return topology.model_copy(update={"name": path.stem})
