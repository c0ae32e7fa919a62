"""``[image.container]`` and ``[component.container]``: how a container differs from its image."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from dualstack.manifest.base import Command, Table, Word

Absolute = Annotated[str, StringConstraints(pattern=r"^/[^\x00]+$")]


class Container(Table):
    """How the container is run, for ``--lab docker``. What is omitted is as the image says."""

    entrypoint: list[Word] = Field([], description="Replaces the image's entrypoint; its command is then dropped.")
    arguments: list[Word] = Field(
        [], description="What follows the entrypoint, instead of the image's command. Needs an empty command."
    )
    user: str = Field("", description="The user, or user:group, that it runs as.")
    working_directory: Absolute | None = Field(None, description="Its working directory.")
    health: Command | None = Field(
        None, description="A command in the container; it must succeed before the container counts as ready."
    )
    copies: dict[Absolute, Path] = Field(
        {},
        description="Files and folders, relative to the working directory of the service, that are copied into the "
        "container before it starts, by their path in it.",
    )
