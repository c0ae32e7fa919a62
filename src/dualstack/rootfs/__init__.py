"""Private Debian root file systems: what a manifest's ``service.packages`` names, without touching the machine.

They live in the cache folder, are built once by mmdebstrap (as root or as an ordinary user) and entered inside a lab.
"""

from dualstack.rootfs.build import build_for, build_root, packages_of
from dualstack.rootfs.store import Root, cache_folder, find_root, list_roots

__all__ = ["Root", "build_for", "build_root", "cache_folder", "find_root", "list_roots", "packages_of"]
