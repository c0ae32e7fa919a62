"""``[[component]]``."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import Field

from dualstack.manifest.base import Environment, FileModes, Name, Port, Table, Word, distinct, files_stay_in_scratch
from dualstack.manifest.container import Container
from dualstack.manifest.dockerfile import Dockerfile, dockerfile_belongs_to_build
from dualstack.manifest.faults import Fault
from dualstack.manifest.patterns import Regex
from dualstack.manifest.texts import Place, stands_in


class Component(Table):
    """A program that the service needs, such as its database. It runs on the service's host and is not verified."""

    name: Name = Field(description="A short name, for the report and for {NAME.port}.")
    command: list[Word] = Field(
        [],
        description="The command that runs it in the foreground, in the service's working directory; it should listen "
        "on loopback. Omit it for the entrypoint and command of its image.",
    )
    image: str | None = Field(
        None,
        min_length=1,
        description="With --lab docker: an image that the engine has or can pull; default: the service's image.",
    )
    build: Path | None = Field(
        None,
        description="With --lab docker: the folder of a Dockerfile, relative to the working directory, instead of "
        "image.",
    )
    dockerfile: Dockerfile = Field(Dockerfile(), description="With build: which Dockerfile, stage and arguments.")
    environment: Environment = Field({}, description="Its environment variables; only PATH is passed.")
    files: dict[str, str] = Field(
        {}, description="Files that are written to its own {scratch} before it starts: name and contents."
    )
    file_modes: FileModes = Field({})
    port: Port | None = Field(None, description="The TCP port on which it listens; omit if it has none.")
    ready_log: Regex | None = Field(
        None,
        description="A regular expression that a line of its output must match. It is ready when this holds and it "
        "listens on its port.",
    )
    container: Container = Field(Container(), description="How its container differs from the image.")
    after: list[Name] = Field(
        [],
        description="The components that must be ready before it starts; else the order is that of the file.",
    )

    def _port_is_given(self) -> Iterator[Fault]:
        """Refuse {port} without a port."""
        texts = [*self.command, *self.environment.values(), *self.files.values()]
        if self.port is None and any(stands_in("port", text) for text in texts):
            yield Fault(("port",), "missing, but {port} is used")

    @property
    def has_own_image(self) -> bool:
        """Whether it runs in another image than the service."""
        return self.image is not None or self.build is not None

    def _has_a_program(self) -> Iterator[Fault]:
        """Refuse a component that is neither a command nor an image, or two images."""
        if self.image is not None and self.build is not None:
            yield Fault(("build",), "give either image or build")
        if not self.command and not self.has_own_image:
            yield Fault(("command",), "missing; only a component with an image or a build can do without")

    CHECKS = (
        _has_a_program,
        dockerfile_belongs_to_build,
        files_stay_in_scratch,
        distinct("after", "a component"),
        _port_is_given,
    )
    TEXTS = dict.fromkeys(("command", "environment"), Place.COMPONENT)


def start_order(components: Sequence[Component]) -> tuple[Component, ...]:
    """Return components in the order in which they start: that of the file, each after those that it names.

    Components that wait for each other are missing.
    """
    order: list[Component] = []
    waiting = list(components)
    while found := next((item for item in waiting if _is_startable(item, order)), None):
        order.append(found)
        waiting.remove(found)
    return tuple(order)


def _is_startable(component: Component, started: Iterable[Component]) -> bool:
    """Return whether all that a component names have started."""
    return set(component.after) <= {item.name for item in started}
