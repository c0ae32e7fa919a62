"""``dualstack init``: write a commented manifest."""

import argparse
from importlib.resources import files

from dualstack.errors import UsageError


def main(options: argparse.Namespace) -> int:
    """Write the template; an existing file is replaced only with ``--force``."""
    path = options.file
    if path.exists() and not options.force:
        raise UsageError(f"{path}: exists already; --force replaces it")
    text = files("dualstack.manifest").joinpath("template.toml").read_text(encoding="utf-8")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    print(f"{path}: written; edit it, then: dualstack check {path}")
    return 0
