"""The command line: ``dualstack run service.toml`` and what helps with it."""

from dualstack.cli.main import main

__all__ = ["main"]
