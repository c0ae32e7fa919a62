"""The options of commands that have many of them; see `dualstack.cli.parser`."""
