"""``[image]``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints

from dualstack.manifest.base import Table, Texts, Word
from dualstack.manifest.container import Container
from dualstack.manifest.dockerfile import Dockerfile, dockerfile_belongs_to_build
from dualstack.manifest.faults import Fault
from dualstack.manifest.texts import Place

Folder = Annotated[str, StringConstraints(pattern=r"^/[^:\x00]+$")]


class Image(Table):
    """The container image of the service, for ``--lab docker``: give one of name, build, base and packages.

    Without this table the image is built from the working directory: on top of service.packages or, if a command has
    ``{python}``, on top of a Python image.
    """

    name: str | None = Field(None, min_length=1, description="An image that the engine has or can pull.")
    build: Path | None = Field(None, description="The folder of a Dockerfile, relative to the working directory.")
    dockerfile: Dockerfile = Field(Dockerfile(), description="With build: which Dockerfile, stage and arguments.")
    base: str | None = Field(
        None, min_length=1, description="An image; what binary names is copied to its folder /service."
    )
    packages: list[str] = Field([], description="Debian packages of which such an image is made, instead of base.")
    binary: Texts = Field(
        [], description="With base or packages: one or more files or folders of the working directory."
    )
    command: list[Word] | None = Field(
        None,
        description="The command in the image, instead of service.command; [] means the image's own entrypoint and "
        "command.",
    )
    read_only: StrictBool = Field(False, description="Whether the root file system of the image is read-only.")
    tmpfs: list[Folder] = Field([], description='With read_only: writable folders in memory, e.g. "/tmp".')
    container: Container = Field(Container(), description="How its container differs from the image.")

    @property
    def is_assembled(self) -> bool:
        """Whether files of the service are copied into it."""
        return self.base is not None or bool(self.packages)

    def _is_one_image(self) -> Iterator[Fault]:
        """Refuse a table that names no image, or several."""
        named = [key for key in ("name", "build", "base", "packages") if getattr(self, key)]
        if len(named) != 1:
            found = " and ".join(named) or "none"
            yield Fault((), f"one of name, build, base and packages is needed; found {found}")

    def _binary_belongs_to_a_base(self) -> Iterator[Fault]:
        """Refuse files for an image that is complete, and a base without files."""
        if self.is_assembled != bool(self.binary):
            text = '"binary" belongs to "base" or "packages": it is copied into the image that these name'
            yield Fault(("binary",), text)

    def _tmpfs_belongs_to_read_only(self) -> Iterator[Fault]:
        """Refuse folders in memory if the whole image is writable."""
        if self.tmpfs and not self.read_only:
            yield Fault(("tmpfs",), '"tmpfs" belongs to read_only = true: every other image is writable')

    CHECKS = (_is_one_image, dockerfile_belongs_to_build, _binary_belongs_to_a_base, _tmpfs_belongs_to_read_only)
    TEXTS = dict.fromkeys(("command",), Place.SERVICE)
