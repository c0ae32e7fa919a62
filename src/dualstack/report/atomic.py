"""Writing a file so that a reader sees the old one or the new one, never half of it."""

import tempfile
from pathlib import Path

_EVERYBODY_READS = 0o644


def write_atomically(path: Path, text: str) -> Path:
    """Write ``text`` as UTF-8 to ``path``; characters that UTF-8 cannot carry become question marks.

    Raises:
        OSError: It cannot be written; the error names ``path``, what was there before is untouched, and nothing else
            is left behind.
    """
    data = text.encode("utf-8", errors="replace")
    try:
        return _replace(path, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _replace(path: Path, data: bytes) -> Path:
    """Write ``data`` beside ``path`` and put it in its place."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(data)
            file.flush()
            temporary.chmod(_EVERYBODY_READS)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return path
