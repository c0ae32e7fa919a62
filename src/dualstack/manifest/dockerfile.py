"""``[image.dockerfile]`` and ``[component.dockerfile]``: how an image is built."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pydantic import Field

from dualstack.manifest.base import Table
from dualstack.manifest.faults import Fault


class Dockerfile(Table):
    """How the image of the key ``build`` is built."""

    name: str = Field("Dockerfile", min_length=1, description="The Dockerfile, relative to the folder of build.")
    target: str = Field("", description="The stage of the Dockerfile that is built; default: the last one.")
    arguments: dict[str, str] = Field({}, description="The values of the ARG instructions.")


class Built(Protocol):
    """A table with the keys ``build`` and ``dockerfile``."""

    @property
    def build(self) -> Path | None:
        """The folder of the Dockerfile."""

    @property
    def dockerfile(self) -> Dockerfile:
        """How it is built."""


def dockerfile_belongs_to_build(table: Built) -> Iterator[Fault]:
    """Refuse a Dockerfile for an image that is not built."""
    if table.build is None and table.dockerfile != Dockerfile():
        yield Fault(("dockerfile",), '"dockerfile" belongs to build, the folder in which it is')
