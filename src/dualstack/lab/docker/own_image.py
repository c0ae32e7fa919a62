"""The prober's image: our code and the libraries that it imports, on the public image of the same Python version."""

import compileall
import hashlib
import importlib.util
import py_compile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dualstack
from dualstack.lab.docker.engine import Engine, explained
from dualstack.lab.docker.images import base_image, build_files, image_id
from dualstack.manifest.subject import PYTHON_BASE

PROBER = "dualstack-prober"
"""The repository of the prober's image; its tag is a hash of everything in it."""

_LIBRARIES = (
    *("annotated_types", "dnslib", "h11", "h2", "hpack", "hyperframe"),
    *("pydantic", "pydantic_core", "typing_extensions", "typing_inspection", "wsproto"),
)
"""What the code that runs inside containers imports, beyond the standard library."""

_ROOMS = ("prober", "protocols", "lab", "wire")
_MODULES = ("checksum", "counting", "deadline", "errors", "families", "rfc6052", "transport")

_RECIPE = """\
FROM {base}
COPY root/ /opt/dualstack/
ENV PYTHONPATH=/opt/dualstack PYTHONDONTWRITEBYTECODE=1
USER 0:0
WORKDIR /
ENTRYPOINT []
CMD []
"""


def prober_image(engine: Engine) -> str:
    """Return the prober's image; build it if there is none with the same content yet.

    Raises:
        HostCannot: Its base image is missing and cannot be pulled.
        HarnessError: It cannot be built.
    """
    base_image(engine, PYTHON_BASE)
    tag, recipe, files = _prober(engine)
    if image_id(engine, tag) is None:
        context = {f"root/{name}": (data, 0o644) for name, data in _compiled(files).items()}
        with explained("the prober's image cannot be built"):
            build_files(engine, tag, context | {"Dockerfile": (recipe.encode(), 0o644)})
    return tag


def prober_tag(engine: Engine) -> str:
    """Return the name of the prober's image, whether or not it has been built."""
    return _prober(engine)[0]


def _prober(engine: Engine) -> tuple[str, str, dict[str, bytes]]:
    """Return the name of the prober's image, its Dockerfile, and its files."""
    files = dict(_prober_files())
    # The same Python version as ours, for which compiled libraries are built.
    recipe = _RECIPE.format(base=PYTHON_BASE)
    digest = hashlib.sha256(recipe.encode() + str(image_id(engine, PYTHON_BASE)).encode())
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return f"{PROBER}:{digest.hexdigest()[:16]}", recipe, files


def _compiled(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files and the bytecode of the Python ones: compiled here, the build needs no RUN step."""
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
    """Yield the files of the prober's image, by name: our code, and the libraries that it imports."""
    own = Path(str(dualstack.__file__)).parent
    # A constant: reading the package's metadata would take a host longer than all its other imports together.
    yield "dualstack/__init__.py", f"__version__ = {dualstack.__version__!r}\n".encode()
    for name in _MODULES:
        yield f"dualstack/{name}.py", (own / f"{name}.py").read_bytes()
    for room in _ROOMS:
        for path in sorted((own / room).rglob("*.py")):
            yield f"dualstack/{path.relative_to(own)}", path.read_bytes()
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
