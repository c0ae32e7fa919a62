"""``[service]``."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from dualstack.manifest.base import Command, Environment, FileModes, Name, Table, files_stay_in_scratch
from dualstack.manifest.texts import Place


class Service(Table):
    """The service and how it is started."""

    name: Name = Field(description="The service's name.")
    summary: str = Field("", description="One sentence about the service, for the report.")
    directory: Path = Field(Path(), description="The working directory, relative to the manifest.")
    build: list[Command] = Field([], description="Build commands; each runs once, in the working directory.")
    command: Command | None = Field(
        None, description="The command that runs the service in the foreground; {bind} and {port} say where to listen."
    )
    environment: Environment = Field(
        {},
        description="Environment variables; of your own only PATH is passed; HOME, TMPDIR and LANG are set.",
    )
    files: dict[str, str] = Field(
        {},
        description="Files that are written to {scratch} before each start: name and contents, which may have "
        "placeholders.",
    )
    file_modes: FileModes = Field({})
    packages: list[str] = Field(
        [],
        description="Debian packages; the service is built and run in a private Debian root file system that has them.",
    )
    stop_signal: Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"] = Field(
        "SIGTERM", description="The signal that stops the service."
    )
    reload: Literal["SIGHUP", "SIGUSR1", "SIGUSR2"] | Command | None = Field(
        None,
        description="What makes the service reload its configuration: a signal or a command. Without it LIFE-008 sends "
        "SIGHUP if the service handles that signal; the service may then end.",
    )
    signals: list[Literal["SIGCHLD", "SIGWINCH", "SIGCONT"]] = Field(
        [], description="Harmless signals that have a meaning for the service; ROBUST-004 does not send them."
    )

    CHECKS = (files_stay_in_scratch,)
    TEXTS = dict.fromkeys(("build", "command", "reload", "environment"), Place.SERVICE)
