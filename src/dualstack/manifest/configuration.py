"""``[[configuration]]``."""

from pydantic import Field

from dualstack.families import Family
from dualstack.manifest.base import Command, Environment, FileModes, Name, Table, files_stay_in_scratch
from dualstack.manifest.scope import Scope
from dualstack.manifest.texts import Place


class Configuration(Table):
    """One configuration of the service; its keys replace those of the service and of its listeners."""

    name: Name = Field(description="A short name; the report shows it after the service's name.")
    command: Command | None = Field(None, description="The command, instead of the service's.")
    environment: Environment = Field({}, description="Environment variables besides those of the service.")
    files: dict[str, str] = Field(
        {}, description="Files besides those of the service; a file of the same name is replaced."
    )
    file_modes: FileModes = Field({})
    families: list[Family] | None = Field(
        None, min_length=1, description="The families that its listeners claim to serve in this configuration."
    )
    scope: Scope | None = Field(None, description="Which clients its listeners are for in this configuration.")
    bind: str | None = Field(None, description="The listen address that {bind} stands for; no other one is tried.")

    CHECKS = (files_stay_in_scratch,)
    TEXTS = dict.fromkeys(("command", "environment"), Place.SERVICE)
