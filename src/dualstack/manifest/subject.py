"""A subject: one manifest in one of its configurations, ready to be planned and run."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dualstack.errors import UsageError
from dualstack.families import Family
from dualstack.manifest.faults import Fault, refusal
from dualstack.manifest.load import read_manifest
from dualstack.manifest.models import Bind, Connect, Image, Listen, Manifest, Reach
from dualstack.manifest.placeholders import did_you_mean, fill
from dualstack.manifest.salvage import as_far_as_known

IMAGE_DIRECTORY = "/service"
"""Where the files of a service lie in an image that was made of them."""

SERVICE_IMAGE = "dualstack-service"
"""The repository of images that are made for services."""

PYTHON_BASE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
"""The base image of the same Python as ours."""

_OF_THE_START = {"command", "read_only", "tmpfs"}
"""Keys of an ``[image]`` table that say how it is started, not what is in it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One manifest in one configuration.

    Attributes:
        path: The manifest's file, absolute.
        manifest: What it says.
        configuration: The configuration's name, empty for the only one.
        command: The command with its placeholders; None for a service that only dials out.
        environment: Variables with their placeholders.
        files: Contents by name, relative to the scratch folder, with their placeholders.
        listen: The listeners, with the families and the reach that they claim in this configuration.
    """

    path: Path
    manifest: Manifest
    configuration: str
    command: tuple[str, ...] | None
    environment: Mapping[str, str]
    files: Mapping[str, str]
    listen: tuple[Listen, ...]

    @property
    def name(self) -> str:
        """The service's name, with the configuration's where there are several: ``nginx/both``."""
        return self.manifest.service.name + (f"/{self.configuration}" if self.configuration else "")

    @property
    def directory(self) -> Path:
        """The working directory, absolute."""
        return (self.path.parent / self.manifest.service.directory).resolve()

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that stand for the manifest's file and the configuration."""
        return hashlib.sha256(f"{self.path}\0{self.configuration}".encode()).hexdigest()[:12]

    @property
    def elements(self) -> tuple[Listen | Connect, ...]:
        """Its listeners, then its connectors."""
        return (*self.listen, *self.manifest.connect)

    def listener(self, name: str) -> Listen:
        """Return the listener of that name."""
        return next(item for item in self.listen if item.name == name)

    def connector(self, name: str) -> Connect:
        """Return the connector of that name."""
        return next(item for item in self.manifest.connect if item.name == name)

    def default_bind(self, listener: Listen) -> str:
        """Return what ``{bind}`` stands for when nothing else is asked for."""
        configured = next((item for item in self.manifest.configuration if item.name == self.configuration), None)
        if configured is not None and configured.bind is not None:
            return configured.bind
        return default_spelling(listener)

    @property
    def image(self) -> str:
        """The reference of its container image; one that is made here is named after what it is made of. Or empty."""
        image = self.image_table
        if image is None:
            return ""
        made = hashlib.sha256(f"{self.directory}\0{image.model_dump_json(exclude=_OF_THE_START)}".encode())
        return image.name or f"{SERVICE_IMAGE}:{made.hexdigest()[:16]}"

    @property
    def image_table(self) -> Image | None:
        """What its container image is: as the manifest says, or else what its commands need; None if nobody knows."""
        service, commands = self.manifest.service, [item.command for item in self.manifest.connect]
        if self.manifest.image is not None:
            return self.manifest.image
        if service.packages:
            return Image(packages=service.packages, binary=["."])
        if any("{python}" in command for command in (*commands, self.command or ())):
            return Image(base=PYTHON_BASE, binary=["."])
        return None

    @property
    def image_directory(self) -> str:
        """Its working directory inside the image; empty for the image's own."""
        return IMAGE_DIRECTORY if self.image_table is not None and self.image_table.is_assembled else ""

    @property
    def image_command(self) -> tuple[str, ...]:
        """The command inside the image, with its placeholders; empty for the image's own."""
        image = self.manifest.image
        own = image.command if image is not None else None
        return tuple(own) if own is not None else self.command or ()

    def values(
        self,
        *,
        scratch: str,
        binds: Mapping[str, str] | None = None,
        acls: Mapping[str, str] | None = None,
        contained: bool = False,
    ) -> dict[str, str]:
        """Return the placeholders' values for one start.

        Args:
            scratch: The private folder of this start.
            binds: What ``{bind}`` stands for, by listener, where it is not the default.
            acls: What ``{acl}`` stands for, by listener, where it is not that everybody is served.
            contained: Whether it runs in its container image.
        """
        values = {"scratch": scratch, "directory": str(self.directory), "python": sys.executable}
        if contained:
            values |= {"directory": self.image_directory or ".", "python": "python3"}
        for position, item in enumerate(self.listen):
            bind = fill((binds or {}).get(item.name, self.default_bind(item)), {"port": str(item.port)})
            acl = (acls or {}).get(item.name, item.acl.open if item.acl else "")
            own = {"bind": bind, "port": str(item.port), "acl": acl}
            values |= {f"{item.name}.{key}": text for key, text in own.items()}
            if position == 0:
                values |= own
        return values


def default_spelling(listener: Listen) -> str:
    """Return the first spelling that covers what the listener claims; empty where it cannot be told."""
    return next(iter(_spellings(listener)), "")


def _spellings(listener: Listen) -> list[str]:
    """Return the spellings that cover what the listener claims, the closest first."""
    bind = listener.bind or Bind()
    if listener.reach is Reach.LOOPBACK:
        return _loopback_spellings(listener.families, bind)
    if len(listener.families) > 1:
        return [*bind.any, *bind.ipv6_any]
    own = bind.ipv4_any if listener.families[0] is Family.IPV4 else bind.ipv6_any
    return [*own, *bind.any]


def _loopback_spellings(families: Sequence[Family], bind: Bind) -> list[str]:
    """Return the spellings of the loopback addresses of these families."""
    if len(families) > 1:
        return bind.localhost
    own = bind.ipv4_address if families[0] is Family.IPV4 else bind.ipv6_address
    return [spelling.replace("{address}", families[0].loopback) for spelling in own]


def subjects_of(
    path: Path, configurations: Sequence[str] = (), checks: Sequence[Callable[[Subject], Iterable[Fault]]] = ()
) -> list[Subject]:
    """Return a manifest's subjects: one per configuration (one in all when it declares none).

    Args:
        path: The manifest.
        configurations: Only these configurations.
        checks: What must be right of each subject besides what a manifest alone shows.

    Raises:
        UsageError: The manifest is wrong, or a configuration is asked for that it does not have.
    """
    path = path.resolve()
    manifest, faults = read_manifest(path)
    faults += as_far_as_known(_folder_faults(path, manifest))
    subjects = [*as_far_as_known(_subjects(path, manifest, configurations))]
    for subject in subjects:
        for check in (_bind_faults, _acl_faults, *checks):
            faults += as_far_as_known(check(subject))
    if faults:
        raise refusal(path, faults)
    known = [item.name for item in manifest.configuration]
    for wanted in configurations:
        if wanted not in known:
            hint = did_you_mean(wanted, known)
            raise UsageError(f"{path}: no configuration {wanted!r} (it has: {', '.join(known) or 'none'}){hint}")
    return subjects


def _subjects(path: Path, manifest: Manifest, wanted: Sequence[str]) -> Iterator[Subject]:
    """Yield the subjects of a manifest, in the configurations that are wanted."""
    service = manifest.service
    plain = Subject(
        path=path,
        manifest=manifest,
        configuration="",
        command=tuple(service.command) if service.command else None,
        environment=service.environment,
        files=service.files,
        listen=tuple(manifest.listen),
    )
    yield from _configured(plain, wanted) if manifest.configuration else [plain]


def _configured(plain: Subject, wanted: Sequence[str]) -> list[Subject]:
    """Return the subject in each of its configurations, or in those that are wanted."""
    manifest = plain.manifest
    return [
        replace(
            plain,
            configuration=item.name,
            command=tuple(item.command) if item.command else plain.command,
            environment={**plain.environment, **item.environment},
            files={**plain.files, **item.files},
            listen=tuple(
                listen.model_copy(
                    update={
                        "families": item.families or listen.families,
                        "reach": item.reach or listen.reach,
                        "bind": listen.bind if item.bind is None else None,
                    }
                )
                for listen in manifest.listen
            ),
        )
        for item in manifest.configuration
        if not wanted or item.name in wanted
    ]


def _folder_faults(path: Path, manifest: Manifest) -> Iterator[Fault]:
    """Refuse a working directory that does not exist."""
    directory = path.parent / manifest.service.directory
    if not directory.is_dir():
        yield Fault(("service", "directory"), f"found {str(manifest.service.directory)!r}, no such folder")


def _bind_faults(subject: Subject) -> Iterator[Fault]:
    """Refuse a ``{bind}`` that stands for nothing, and spellings that no ``{bind}`` hands to the service."""
    texts = _texts(subject)
    configuration = next((item for item in subject.manifest.configuration if item.name == subject.configuration), None)
    told = configuration is not None and configuration.bind is not None
    for position, listener in enumerate(subject.listen):
        placeholders = ["{bind}"] * (position == 0) + [f"{{{listener.name}.bind}}"]
        used = next((item for item in placeholders if any(item in text for text in texts)), None)
        key = ("listen", position, "bind")
        way = f" (configuration {subject.configuration!r})" if configuration else ""
        if used is None and listener.bind is not None:
            yield Fault(
                key,
                f"nothing tells the service where to listen{way}; put {placeholders[0]} into its command, "
                "environment or files, or leave [listen.bind] out",
            )
        if used is not None and not told and not _spellings(listener):
            claim = " and ".join(family.label for family in listener.families)
            yield Fault(
                key,
                f"no spelling for what it claims, {claim}, but {used} needs one{way}; allowed: {_keys_for(listener)}",
            )


def _keys_for(listener: Listen) -> str:
    """Return the keys of ``[listen.bind]`` of which one must be given for what the listener claims."""
    if listener.reach is Reach.LOOPBACK:
        return "localhost" if len(listener.families) > 1 else f"{listener.families[0].value}_address"
    return "any" if len(listener.families) > 1 else f"{listener.families[0].value}_any or any"


def _texts(subject: Subject) -> list[str]:
    """Return everything whose placeholders are filled when the subject is started."""
    return [*(subject.command or ()), *subject.image_command, *subject.environment.values(), *subject.files.values()]


def _acl_faults(subject: Subject) -> Iterator[Fault]:
    """Refuse an ``{acl}`` that stands for nothing, and rules that no ``{acl}`` hands to the service."""
    for position, listener in enumerate(subject.listen):
        placeholders = ["{acl}"] * (position == 0) + [f"{{{listener.name}.acl}}"]
        used = next((item for item in placeholders if any(item in text for text in _texts(subject))), None)
        key = ("listen", position, "acl")
        if used is None and listener.acl is not None:
            yield Fault(
                key,
                f"[listen.acl] is set, but no {placeholders[0]} is used; put it into its command, environment or "
                "files, or leave [listen.acl] out",
            )
        if used is not None and listener.acl is None:
            yield Fault(key, f"missing, but {used} needs it")


def filled(texts: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Fill the placeholders of each text."""
    return [fill(text, values) for text in texts]
