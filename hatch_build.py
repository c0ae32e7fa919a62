"""Build hook: a wheel carries the repository's content folders and the manual inside ``dualstack/content``."""

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CONTENT = ("suites", "fixtures", "topologies", "reports", "conftest.py")
MANUAL = ("docs/*.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md")
"""The pages that ``dualstack help`` shows (`dualstack.cli.manual`)."""

PRODUCTS = re.compile(r"(^|/)(build|__pycache__|dualstack-results|\.[a-z_]+_cache)(/|$)")
"""Folders of what was made on this machine."""


class ContentHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's base is generic only for its own configs
    """Bundle the content in every wheel but an editable one, which reads it from the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add each content file to the wheel under ``dualstack/content/``."""
        if version == "editable":
            return
        root = Path(self.root)
        paths = [path for name in CONTENT for path in [root / name, *(root / name).rglob("*")]]
        paths += [path for pattern in MANUAL for path in root.glob(pattern)]
        for path in paths:
            relative = path.relative_to(root).as_posix()
            if path.is_file() and not PRODUCTS.search(relative):
                build_data["force_include"][relative] = f"dualstack/content/{relative}"
