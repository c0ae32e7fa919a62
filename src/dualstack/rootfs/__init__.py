"""Private Debian root file systems with the packages of ``service.packages``; the machine itself is not changed.

They are in the cache folder. mmdebstrap builds each one once, as root or as an ordinary user.
"""

from dualstack.rootfs.build import build_for, build_root, packages_of
from dualstack.rootfs.store import Root, cache_folder, find_root, list_roots

__all__ = ["Root", "build_for", "build_root", "cache_folder", "find_root", "list_roots", "packages_of"]
