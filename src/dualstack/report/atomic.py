"""Writing a file so that a reader sees the old file or the new one, never a part."""

import tempfile
from pathlib import Path

_READABLE_BY_ALL = 0o644


def write_atomically(path: Path, text: str) -> Path:
    """Write ``text`` as UTF-8 to ``path`` and return the path; characters that UTF-8 cannot encode become ``?``.

    Raises:
        OSError: It cannot be written. The error names ``path``; the old file is unchanged, and no other file is left.
    """
    data = text.encode("utf-8", errors="replace")
    try:
        return _replace(path, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _replace(path: Path, data: bytes) -> Path:
    """Write ``data`` to a temporary file beside ``path``, and rename it to ``path``."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(data)
            file.flush()
            temporary.chmod(_READABLE_BY_ALL)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return path
