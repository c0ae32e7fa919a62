"""A subject: a manifest in one of its configurations."""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dualstack.manifest.component import Component, start_order
from dualstack.manifest.configuration import Configuration
from dualstack.manifest.connect import Connect
from dualstack.manifest.image import Image
from dualstack.manifest.listen import Listen
from dualstack.manifest.models import Manifest
from dualstack.manifest.placeholder import Start
from dualstack.manifest.placeholders import values_of, values_of_component
from dualstack.manifest.relay import Relay, Relaying

IMAGE_DIRECTORY = "/service"
"""The folder of a service's files in an image that is built from them."""

SERVICE_IMAGE = "dualstack-service"
"""The repository name of images that are built for services."""

PYTHON_BASE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
"""The base image with the version of Python that runs dualstack."""

_OF_THE_START = {"command", "read_only", "tmpfs", "container"}
"""Keys of ``[image]`` that do not change its contents."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One manifest in one configuration.

    Attributes:
        path: The manifest's file, absolute.
        manifest: The manifest.
        configuration: The configuration's name; empty if the manifest has no configurations.
        command: The command with its placeholders; None if the service has only connectors.
        environment: Environment variables, with their placeholders.
        files: File contents, with their placeholders, by path in the scratch folder.
        file_modes: The permissions of some of them, octal.
        listen: The listeners, with the families and scope of this configuration.
    """

    path: Path
    manifest: Manifest
    configuration: str
    command: tuple[str, ...] | None
    environment: Mapping[str, str]
    files: Mapping[str, str]
    file_modes: Mapping[str, str]
    listen: tuple[Listen, ...]

    @property
    def name(self) -> str:
        """The service's name, followed by the configuration's name if there is one: ``nginx/both``."""
        return self.manifest.service.name + (f"/{self.configuration}" if self.configuration else "")

    @property
    def directory(self) -> Path:
        """The absolute path of the working directory."""
        return (self.path.parent / self.manifest.service.directory).resolve()

    @property
    def fingerprint(self) -> str:
        """A hash, 12 hexadecimal digits, of the manifest's path and the configuration's name."""
        return hashlib.sha256(f"{self.path}\0{self.configuration}".encode()).hexdigest()[:12]

    @property
    def elements(self) -> tuple[Listen | Connect, ...]:
        """All listeners, then all connectors."""
        return (*self.listen, *self.manifest.connect)

    @property
    def relays(self) -> tuple[Relay, ...]:
        """The ``[[relay]]`` tables."""
        return tuple(self.manifest.relay)

    @property
    def relaying(self) -> tuple[Relaying, ...]:
        """Its relays, each with its listener."""
        return tuple(Relaying(relay, self.listener(relay.listen)) for relay in self.relays)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts in which placeholders of a service may stand."""
        files = self.files.values()
        return (*(self.command or ()), *self.image_command, *self.environment.values(), *files)

    @property
    def components(self) -> tuple[Component, ...]:
        """The programs that the service needs, in the order in which they start."""
        return start_order(self.manifest.component)

    def listener(self, name: str) -> Listen:
        """Return the listener of that name."""
        return next(item for item in self.listen if item.name == name)

    def connector(self, name: str) -> Connect:
        """Return the connector of that name."""
        return next(item for item in self.manifest.connect if item.name == name)

    @property
    def configured(self) -> Configuration | None:
        """The ``[[configuration]]`` table; None if the manifest has none."""
        return next((item for item in self.manifest.configuration if item.name == self.configuration), None)

    def default_bind(self, listener: Listen) -> str:
        """Return what ``{bind}`` stands for by default; empty if the manifest has no listen address for it."""
        return next(iter(self.binds(listener)), "")

    def binds(self, listener: Listen) -> list[str]:
        """Return the listen addresses that cover what the listener claims, the closest first."""
        if self.configured is not None and self.configured.bind is not None:
            return [self.configured.bind]
        return listener.bind_texts

    @property
    def image(self) -> str:
        """The image reference; built images are tagged with a hash of their inputs; empty if there is no image."""
        image = self.image_table
        if image is None:
            return ""
        made = hashlib.sha256(f"{self.directory}\0{image.model_dump_json(exclude=_OF_THE_START)}".encode())
        return image.name or f"{SERVICE_IMAGE}:{made.hexdigest()[:16]}"

    def image_of(self, component: Component) -> str:
        """The image reference of a component that has its own image; a built one is tagged with a hash."""
        how = f"{component.build}\0{component.dockerfile.model_dump_json()}"
        made = hashlib.sha256(f"{self.directory}\0component\0{how}".encode())
        return component.image or f"{SERVICE_IMAGE}:{made.hexdigest()[:16]}"

    @property
    def image_table(self) -> Image | None:
        """The ``[image]`` table, or one derived from packages and commands; None if it cannot be derived."""
        service = self.manifest.service
        commands = [item.command for item in self.manifest.connect]
        commands += [item.command for item in self.manifest.component]
        if self.manifest.image is not None:
            return self.manifest.image
        if service.packages:
            return Image(packages=service.packages, binary=["."])
        if any("{python}" in command for command in (*commands, self.command or ())):
            return Image(base=PYTHON_BASE, binary=["."])
        return None

    @property
    def image_directory(self) -> str:
        """The working directory in the image; empty for the image's own."""
        return IMAGE_DIRECTORY if self.image_table is not None and self.image_table.is_assembled else ""

    @property
    def image_command(self) -> tuple[str, ...]:
        """The command in the image, with its placeholders; empty for the image's own."""
        image = self.manifest.image
        own = image.command if image is not None else None
        return tuple(own) if own is not None else self.command or ()

    def values(
        self,
        *,
        scratch: str,
        settings: Mapping[str, str] | None = None,
        contained: bool = False,
        targets: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, str]:
        """Return the values of all placeholders for one start.

        Args:
            scratch: The private folder of this start.
            settings: Values that replace the manifest's defaults, by listener and placeholder: ``web.bind``.
            contained: Whether the service runs in its container image.
            targets: The address or name of the server of each relay, by the relay's name.

        Raises:
            HarnessError: A setting names no listener, or no placeholder of one.
        """
        return values_of(Start(self, scratch, contained, targets), settings or {})

    def component_values(self, component: Component, *, scratch: str, contained: bool = False) -> dict[str, str]:
        """Return the values of all placeholders in the texts of a component, for one start; see `values`."""
        values = values_of_component(component, Start(self, scratch, contained))
        return values | {"directory": "."} if contained and component.has_own_image else values
