"""Images: the prober's own, and what a manifest's ``[image]`` table names, builds or assembles."""

import compileall
import hashlib
import importlib.util
import io
import json
import os
import py_compile
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dualstack
from dualstack.errors import HostCannot, UsageError
from dualstack.lab.docker.engine import APIError, Engine, ImageNotFound, explained, reason_of
from dualstack.manifest.subject import PYTHON_BASE

PROBER = "dualstack-prober"
"""The repository of the prober's image; its tag is a hash of everything in it."""

MADE = "dualstack.made"
"""The label of images that were made here."""

_MOST = 256 << 20
"""Bytes of a service's files: a working directory that holds more is hardly what an image is meant to be."""

_LIBRARIES = ("annotated_types", "dnslib", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection")
"""What the code that runs inside containers imports, beyond the standard library."""

_ROOMS = ("manifest", "prober", "lab", "wire", "content")
_MODULES = ("__init__", "addressing", "checksum", "deadline", "errors", "families", "finding", "topology")

_RECIPE = """\
FROM {base}
COPY root/ /opt/dualstack/
ENV PYTHONPATH=/opt/dualstack PYTHONDONTWRITEBYTECODE=1
USER 0:0
WORKDIR /
ENTRYPOINT []
CMD []
"""

_BASE_HELP = "build it from Debian's packages, without a registry: dualstack images"


def prober_image(engine: Engine) -> str:
    """Return the prober's image; build it if there is none with the same content yet.

    Raises:
        HostCannot: Its base image is missing and cannot be pulled.
        HarnessError: It cannot be built.
    """
    files = dict(_prober_files())
    # The same Python as ours, so that compiled libraries fit.
    base = base_image(engine, PYTHON_BASE)
    recipe = _RECIPE.format(base=base)
    digest = hashlib.sha256(recipe.encode() + str(image_id(engine, base)).encode())
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    tag = f"{PROBER}:{digest.hexdigest()[:16]}"
    if image_id(engine, tag) is None:
        context = {f"root/{name}": (data, 0o644) for name, data in _compiled(files).items()}
        with explained("the prober's image cannot be built"):
            build_files(engine, tag, context | {"Dockerfile": (recipe.encode(), 0o644)})
    return tag


def _compiled(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files with the bytecode of those that are Python's; compiled here, the image needs no step that runs."""
    with tempfile.TemporaryDirectory(prefix="dualstack-image-") as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        compileall.compile_dir(
            folder,
            quiet=1,
            stripdir=folder,
            prependdir="/opt/dualstack",
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        paths = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _prober_files() -> Iterator[tuple[str, bytes]]:
    """Yield what the prober's image holds, by name: our own code, and the libraries that it imports."""
    own = Path(str(dualstack.__file__)).parent
    version = dualstack.__version__
    metadata = f"Metadata-Version: 2.1\nName: dualstack\nVersion: {version}\n"
    yield f"dualstack-{version}.dist-info/METADATA", metadata.encode()
    for name in _MODULES:
        yield f"dualstack/{name}.py", (own / f"{name}.py").read_bytes()
    for room in _ROOMS:
        for path in sorted((own / room).rglob("*.py")):
            parts = path.relative_to(own)
            if parts.parts[0] != "content" or len(parts.parts) == 2:  # noqa: PLR2004 - not what a wheel bundles
                yield f"dualstack/{parts}", path.read_bytes()
    for name in _LIBRARIES:
        spec = importlib.util.find_spec(name)
        assert spec is not None  # noqa: S101 - it is a dependency of this package
        assert spec.origin is not None  # noqa: S101 - the same
        origin = Path(spec.origin)
        if origin.name != "__init__.py":
            yield origin.name, origin.read_bytes()
            continue
        for path in sorted(origin.parent.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix in {".py", ".so"}:
                yield f"{name}/{path.relative_to(origin.parent)}", path.read_bytes()


def image_id(engine: Engine, reference: str) -> str | None:
    """Return the id of a local image, None if there is none of that name."""
    with explained(f"image {reference} cannot be inspected"):
        try:
            return str(engine.api.inspect_image(reference)["Id"])
        except ImageNotFound:
            return None


def inspect(engine: Engine, reference: str) -> dict[str, Any]:
    """Return what the engine says of a local image.

    Raises:
        UsageError: There is none of that name.
    """
    with explained(f"image {reference} cannot be inspected"):
        try:
            found: dict[str, Any] = engine.api.inspect_image(reference)
        except ImageNotFound:
            raise UsageError(f"there is no image {reference!r} any more") from None
        return found


def base_image(engine: Engine, reference: str) -> str:
    """Return ``reference`` once the engine has it: as it is, or pulled.

    Raises:
        HostCannot: It is not there and cannot be pulled.
    """
    if image_id(engine, reference) is None:
        problem = _pull(engine, reference)
        if problem:
            raise HostCannot(f"image {reference} is missing and cannot be pulled ({problem}); {_BASE_HELP}")
    return reference


def named_image(engine: Engine, reference: str, key: str) -> None:
    """Make sure that the engine has the image that a manifest names.

    Raises:
        UsageError: It is not there and cannot be pulled.
    """
    if image_id(engine, reference) is None:
        problem = _pull(engine, reference)
        if problem:
            raise UsageError(f"{key}: found {reference!r}: the engine has no such image and cannot pull it ({problem})")


def _pull(engine: Engine, reference: str) -> str:
    """Pull an image; return what went wrong, or nothing."""
    with explained(f"image {reference} cannot be pulled"):
        try:
            for line in engine.api.pull(reference, stream=True, decode=True):
                if "error" in line:
                    return str(line["error"])
        except APIError as error:
            return reason_of(error)
    return "" if image_id(engine, reference) else "the registry has no such image"


def build_folder(engine: Engine, folder: Path, tag: str, key: str) -> None:
    """Build the image of a folder with a Dockerfile.

    Raises:
        UsageError: It cannot be built; the message ends with the tail of the output.
    """
    if not (folder / "Dockerfile").is_file():
        raise UsageError(f"{key}: found {str(folder)!r}, which has no Dockerfile")
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _ignored(path.relative_to(folder)):
            files[str(path.relative_to(folder))] = (path.read_bytes(), path.stat().st_mode & 0o777)
    _build_for(engine, tag, files, key)


def _ignored(path: Path) -> bool:
    """Return whether a file of a build folder is never part of an image: results of ours, and version control."""
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
            # Whoever the service runs as must be able to read it.
            context[name] = (path.read_bytes(), (path.stat().st_mode & 0o777) | 0o444)
    _build_for(engine, tag, context, key)


def _build_for(engine: Engine, tag: str, files: dict[str, tuple[bytes, int]], key: str) -> None:
    """Build an image that a manifest asks for.

    Raises:
        UsageError: A step failed, or the engine refuses; the message begins with the manifest's key.
    """
    try:
        with explained("the image cannot be built", UsageError):
            build_files(engine, tag, files)
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from None


def build_files(engine: Engine, tag: str, files: dict[str, tuple[bytes, int]]) -> None:
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
        rm=True,
        forcerm=True,
        labels={MADE: "1"},
        decode=True,
    )
    for line in answer:
        said.append(line.get("stream", ""))
        if "error" in line:
            tail = "".join(said).strip().splitlines()[-12:]
            raise UsageError("\n".join([f"the image cannot be built: {line['error']}", *tail]))


def tarball(files: dict[str, tuple[bytes, int]]) -> bytes:
    """Pack files; the same ones always become the same bytes, so that the engine's own cache knows them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, (data, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


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
