"""The manifest as a whole. Each of its tables is defined in a separate module.

The descriptions of tables and keys are the documentation: the JSON schema and ``docs/manifest.md`` repeat them.
"""

from typing import Literal

from pydantic import Field

from dualstack.manifest.base import Table
from dualstack.manifest.component import Component
from dualstack.manifest.configuration import Configuration
from dualstack.manifest.connect import Connect
from dualstack.manifest.exemption import Exemption
from dualstack.manifest.image import Image
from dualstack.manifest.known import Known
from dualstack.manifest.limits import Limits
from dualstack.manifest.listen import Listen
from dualstack.manifest.ready import Ready
from dualstack.manifest.relay import Relay
from dualstack.manifest.service import Service
from dualstack.manifest.timeouts import Timeouts


class Manifest(Table):
    """A service manifest, ``service.toml``."""

    schema_version: Literal[1] = Field(alias="schema", description="The version of this format: 1.")
    service: Service
    image: Image | None = Field(None, description="The container image, for the Docker lab.")
    component: list[Component] = Field([], description="The programs that it needs; they start before it.")
    ready: Ready = Field(Ready(), description="When the service counts as ready.")
    timeouts: Timeouts = Field(Timeouts(), description="Time limits.")
    limits: Limits = Field(Limits(), description="Resource limits.")
    listen: list[Listen] = Field([], description="The ports on which it accepts.")
    connect: list[Connect] = Field([], description="The commands that connect to a server.")
    relay: list[Relay] = Field([], description="The listeners whose clients it connects to a server.")
    configuration: list[Configuration] = Field([], description="Its configurations.")
    exemption: list[Exemption] = Field([], description="Requirements that do not apply to it.")
    known: list[Known] = Field([], description="Its known issues.")
