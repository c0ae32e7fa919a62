"""Images: those that a manifest's ``[image]`` table names, builds or assembles, and what the engine knows of them."""

import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from dualstack.errors import HostCannot, UsageError
from dualstack.lab.docker.engine import APIError, Engine, ImageNotFound, explained, reason_of
from dualstack.manifest.dockerfile import Dockerfile

MADE = "dualstack.made"
"""The label of images that were made here."""

_MADE_HERE = MappingProxyType({MADE: "1"})

FOLDER = "dualstack.folder"
"""The label of a service's image: the machine and the folder for which it was made."""

_USUAL = Dockerfile()
"""The file ``Dockerfile``, as it is."""

_MOST = 256 << 20
"""The most bytes of a service's files: a larger working directory was probably not meant as an image."""

_BASE_HELP = "build it from Debian's packages, without a registry: dualstack images"


def image_id(engine: Engine, reference: str) -> str | None:
    """Return the id of a local image, None if there is none of that name."""
    with explained(f"image {reference} cannot be inspected"):
        try:
            return str(engine.api.inspect_image(reference)["Id"])
        except ImageNotFound:
            return None


def inspect(engine: Engine, reference: str) -> dict[str, Any]:
    """Return the engine's description of a local image.

    Raises:
        UsageError: There is none of that name.
    """
    with explained(f"image {reference} cannot be inspected"):
        try:
            found: dict[str, Any] = engine.api.inspect_image(reference)
        except ImageNotFound:
            raise UsageError(f"there is no image {reference!r} any more") from None
        return found


def base_image(engine: Engine, reference: str) -> None:
    """Pull an image unless the engine has it.

    Raises:
        HostCannot: It is not there and cannot be pulled.
    """
    if image_id(engine, reference) is None:
        problem = _pull(engine, reference)
        if problem:
            raise HostCannot(f"image {reference} is missing and cannot be pulled ({problem}); {_BASE_HELP}")


def named_image(engine: Engine, reference: str, key: str) -> None:
    """Pull the image that a manifest names unless the engine has it.

    Raises:
        UsageError: It is not there and cannot be pulled.
    """
    if image_id(engine, reference) is None:
        problem = _pull(engine, reference)
        if problem:
            raise UsageError(f"{key}: found {reference!r}: the engine has no such image and cannot pull it ({problem})")


def _pull(engine: Engine, reference: str) -> str:
    """Pull an image; return the error, or an empty text."""
    with explained(f"image {reference} cannot be pulled"):
        try:
            for line in engine.api.pull(reference, stream=True, decode=True):
                if "error" in line:
                    return str(line["error"])
        except APIError as error:
            return reason_of(error)
    return "" if image_id(engine, reference) else "the registry has no such image"


def machine() -> str:
    """Return the name of this machine, which other machines with the same engine do not have."""
    return platform.node() or "unknown"


def labels_of(directory: Path) -> dict[str, str]:
    """Return the labels of the image of a service that has this folder."""
    return {**_MADE_HERE, FOLDER: f"{machine()} {directory}"}


def build_folder(engine: Engine, build: tuple[Path, Dockerfile], directory: Path, tag: str, key: str) -> None:
    """Build the image of a folder with a Dockerfile, for a service of some working directory.

    Args:
        engine: Where to build it.
        build: The folder, relative to the working directory, and how it is built.
        directory: The working directory.
        tag: The image's name.
        key: The table of the manifest, for messages.

    Raises:
        UsageError: It cannot be built; the message ends with the tail of the output.
    """
    folder, dockerfile = directory / build[0], build[1]
    if not (folder / dockerfile.name).resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"{key}.dockerfile.name: found {dockerfile.name!r}, which is not in the folder {str(folder)!r}"
        )
    if not (folder / dockerfile.name).is_file():
        raise UsageError(f"{key}.build: found {str(folder)!r}, which has no {dockerfile.name}")
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _ignored(path.relative_to(folder)):
            files[str(path.relative_to(folder))] = (path.read_bytes(), path.stat().st_mode & 0o777)
    _build_for(engine, tag, files, directory, f"{key}.build", dockerfile=dockerfile)


def _ignored(path: Path) -> bool:
    """Return whether a file of a build folder is left out of images: our results, and version control."""
    return bool({".git", "dualstack-results", "__pycache__"} & set(path.parts))


def assemble(engine: Engine, base: str, directory: Path, names: Sequence[str], *, tag: str, key: str) -> None:
    """Make an image of a base and files or folders of ``directory``, which lie in its working directory ``/service``.

    Raises:
        UsageError: A file does not exist, or the base is missing.
    """
    named_image(engine, base, f"{key}.base")
    context = {"Dockerfile": (f"FROM {base}\nCOPY files/ /service/\nWORKDIR /service\n".encode(), 0o644)}
    for item in (directory / name for name in names):
        if not item.exists():
            raise UsageError(f"{key}.binary: found {str(item)!r}: no such file; is it built?")
        below = sorted(path for path in item.rglob("*") if path.is_file() and not _ignored(path.relative_to(item)))
        paths = below if item.is_dir() else [item]
        if sum(path.stat().st_size for path in paths) > _MOST:
            raise UsageError(
                f"{key}.binary: found {str(item)!r}, more than {_MOST >> 20} MiB; name what the image needs"
            )
        for path in paths:
            name = f"files/{path.relative_to(item if item.samefile(directory) else item.parent)}"
            # Any user that the service runs as must be able to read it.
            context[name] = (path.read_bytes(), (path.stat().st_mode & 0o777) | 0o444)
    _build_for(engine, tag, context, directory, key)


def _build_for(
    engine: Engine,
    tag: str,
    files: dict[str, tuple[bytes, int]],
    directory: Path,
    key: str,
    *,
    dockerfile: Dockerfile = _USUAL,
) -> None:
    """Build an image that a manifest asks for.

    Raises:
        UsageError: A step failed, or the engine refuses; the message begins with the manifest's key.
    """
    try:
        with explained("the image cannot be built", UsageError):
            build_files(engine, tag, files, labels_of(directory), dockerfile=dockerfile)
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from None


def build_files(
    engine: Engine,
    tag: str,
    files: dict[str, tuple[bytes, int]],
    labels: Mapping[str, str] = _MADE_HERE,
    *,
    dockerfile: Dockerfile = _USUAL,
) -> None:
    """Build an image of files, by name: content and mode.

    Raises:
        UsageError: A step failed; the message ends with the tail of the output.
        APIError: The engine refuses.
    """
    said = []
    answer = engine.api.build(
        fileobj=io.BytesIO(tarball(files)),
        custom_context=True,
        encoding="identity",
        tag=tag,
        dockerfile=dockerfile.name,
        target=dockerfile.target or None,
        buildargs=dict(dockerfile.arguments),
        rm=True,
        forcerm=True,
        labels=dict(labels),
        decode=True,
    )
    for line in answer:
        said.append(line.get("stream", ""))
        if "error" in line:
            tail = "".join(said).strip().splitlines()[-12:]
            raise UsageError("\n".join([f"the image cannot be built: {line['error']}", *tail]))


def tarball(files: dict[str, tuple[bytes, int]]) -> bytes:
    """Pack files, always into the same bytes, so that the engine finds them in its cache."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, (data, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def copy_into(engine: Engine, container: str, copies: Mapping[str, str]) -> None:
    """Copy files and folders of this machine into a container that has not been started, by their path in it.

    Raises:
        APIError: The engine refuses, for example because its root file system is read-only.
        UsageError: A file cannot be read.
    """
    files: dict[str, tuple[bytes, int]] = {}
    for inside, source in copies.items():
        path = Path(source)
        try:
            for item in [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file()):
                name = PurePosixPath(inside, *item.relative_to(path).parts)
                files[str(name).lstrip("/")] = (item.read_bytes(), (item.stat().st_mode & 0o777) | 0o444)
        except OSError as error:
            raise UsageError(f"{error.filename}: cannot be copied into the container: {error.strerror}") from None
    if files:
        engine.api.put_archive(container, "/", tarball(files))


def import_root(engine: Engine, archive: Path, reference: str, command: Sequence[str]) -> None:
    """Make an image of the tar archive of a root file system.

    Raises:
        HarnessError: The engine refuses it.
    """
    changes = [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"CMD {json.dumps(list(command))}",
        f"LABEL {MADE}=1",
    ]
    repository, _, tag = reference.partition(":")
    with explained(f"image {reference} cannot be imported"):
        said = engine.api.import_image_from_file(os.fspath(archive), repository=repository, tag=tag, changes=changes)
    if image_id(engine, reference) is None:
        raise HostCannot(f"image {reference} cannot be imported: {str(said)[-300:]}")
