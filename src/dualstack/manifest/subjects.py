"""The subjects of a manifest: one for each of its configurations."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from dualstack.errors import UsageError
from dualstack.manifest.faults import Fault, refusal
from dualstack.manifest.listen import Listen
from dualstack.manifest.load import read_manifest
from dualstack.manifest.models import Manifest
from dualstack.manifest.placeholders import declared, of_relays
from dualstack.manifest.salvage import as_far_as_known
from dualstack.manifest.subject import Subject
from dualstack.manifest.texts import Place, stands_in
from dualstack.protocols.tunnel import Tunnel
from dualstack.suggestion import did_you_mean

_LOCALHOST = "localhost"
"""The server of a relay in cases that are not about the server: it is on the relay's own host."""


def subjects_of(
    path: Path, configurations: Sequence[str] = (), checks: Sequence[Callable[[Subject], Iterable[Fault]]] = ()
) -> list[Subject]:
    """Return a manifest's subjects: one for each configuration, or a single one if it has no configurations.

    Args:
        path: The manifest.
        configurations: Only these configurations.
        checks: Further checks of each subject; their faults are reported with those of the manifest.

    Raises:
        UsageError: The manifest has faults, or it has no configuration of a given name.
    """
    path = path.resolve()
    manifest, faults = read_manifest(path)
    faults += as_far_as_known(_folder_exists(path, manifest))
    subjects = [*as_far_as_known(_subjects(path, manifest, configurations))]
    for subject in subjects:
        for check in (_placeholders_have_values, _own_bind_is_used, _targets_are_used, *checks):
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
    """Yield the subjects of a manifest in the wanted configurations; of all if none is wanted."""
    service = manifest.service
    plain = Subject(
        path=path,
        manifest=manifest,
        configuration="",
        command=tuple(service.command) if service.command else None,
        environment=service.environment,
        files=service.files,
        file_modes=service.file_modes,
        listen=tuple(_asked(manifest, item) for item in manifest.listen),
    )
    yield from _configured(plain, wanted) if manifest.configuration else [plain]


def _asked(manifest: Manifest, listener: Listen) -> Listen:
    """Return a listener, with what its clients ask it for if it is a relay that wants to be asked."""
    relay = next((item for item in manifest.relay if item.listen == listener.name and item.tunnel), None)
    if relay is None or relay.tunnel is None:
        return listener
    return listener.through(Tunnel(relay.tunnel, _LOCALHOST, relay.port))


def _configured(plain: Subject, wanted: Sequence[str]) -> list[Subject]:
    """Return the subject in each wanted configuration; in all if none is wanted."""
    manifest = plain.manifest
    return [
        replace(
            plain,
            configuration=item.name,
            command=tuple(item.command) if item.command else plain.command,
            environment={**plain.environment, **item.environment},
            files={**plain.files, **item.files},
            file_modes={**plain.file_modes, **item.file_modes},
            listen=tuple(
                listen.model_copy(
                    update={
                        "families": item.families or listen.families,
                        "scope": item.scope or listen.scope,
                        "bind": listen.bind if item.bind is None else None,
                    }
                )
                for listen in plain.listen
            ),
        )
        for item in manifest.configuration
        if not wanted or item.name in wanted
    ]


def _folder_exists(path: Path, manifest: Manifest) -> Iterator[Fault]:
    """Refuse a working directory that does not exist."""
    directory = path.parent / manifest.service.directory
    if not directory.is_dir():
        yield Fault(("service", "directory"), f"{str(manifest.service.directory)!r}: no such folder")


def _placeholders_have_values(subject: Subject) -> Iterator[Fault]:
    """Refuse a placeholder of a listener without a value, and a table that gives a value to an unused placeholder."""
    texts = subject.texts
    way = f" in configuration {subject.configuration!r}" if subject.configuration else ""
    for position, listener in enumerate(subject.listen):
        for item in declared(Place.SERVICE):
            if not item.table:
                continue
            key, table = ("listen", position, item.table), f"[listen.{item.table}]"
            names = [item.name] * (position == 0) + [f"{listener.name}.{item.name}"]
            used = next((name for name in names if any(stands_in(name, text) for text in texts)), None)
            if used is None and item.given(listener):
                yield Fault(
                    key,
                    f"{table} is set, but {{{names[0]}}} is not used{way}; add it to the command, environment or "
                    f"files, or remove {table}",
                )
            if used is not None and (lacks := item.lacks(subject, listener)):
                yield Fault(key, f"{{{used}}} is used{way}, but {lacks}")


def _own_bind_is_used(subject: Subject) -> Iterator[Fault]:
    """Refuse the listen address of a configuration if no text of the service takes one."""
    for position, item in enumerate(subject.manifest.configuration):
        if item.name == subject.configuration and item.bind is not None:
            names = ["bind", *(f"{listener.name}.bind" for listener in subject.listen)]
            if not any(stands_in(name, text) for name in names for text in subject.texts):
                text = "{bind} is not used in this configuration; add it to the command, environment or files"
                yield Fault(("configuration", position, "bind"), text)


def _targets_are_used(subject: Subject) -> Iterator[Fault]:
    """Refuse a relay whose server no text of the service names."""
    texts = subject.texts
    way = f" in configuration {subject.configuration!r}" if subject.configuration else ""
    for position, relay in enumerate(subject.relays):
        names = [name for item in of_relays() for name in (item.name, f"{relay.name}.{item.name}")]
        own = [name for name in names if "." in name or position == 0]
        if relay.tunnel:
            continue  # its clients name it
        if not any(stands_in(name, text) for name in own if not name.endswith("target_port") for text in texts):
            yield Fault(
                ("relay", position),
                f"nothing names its server{way}; add {{{relay.name}.target}} to the command, environment or files, "
                "or say with tunnel how its clients name it",
            )
