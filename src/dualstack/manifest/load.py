"""Read a manifest."""

from pathlib import Path

from dualstack.manifest.checks import faults_of
from dualstack.manifest.faults import Fault, refusal
from dualstack.manifest.models import Manifest
from dualstack.manifest.toml import read_toml


def load_manifest(path: Path) -> Manifest:
    """Read and validate a manifest.

    Raises:
        UsageError: The file cannot be read, is not TOML, or is not a valid manifest; every fault is reported.
    """
    manifest, faults = read_manifest(path)
    if faults:
        raise refusal(path, faults)
    return manifest


def read_manifest(path: Path) -> tuple[Manifest, list[Fault]]:
    """Read a manifest; return it, without the values that have a wrong type, and all its faults.

    Raises:
        UsageError: The file cannot be read, or is not TOML.
    """
    manifest, faults = read_toml(path, Manifest)
    return manifest, [*faults, *faults_of(manifest)]
