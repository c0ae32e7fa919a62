"""The text files of a folder: log files, as a program writes them."""

import os
from pathlib import Path

from dualstack.prober.texts import read_texts


def test_texts_of_a_folder(tmp_path: Path) -> None:
    """Text files in all subfolders are read, long ones at their end; FIFOs and links are skipped."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.log").write_text("one\n", encoding="utf-8")
    (tmp_path / "b.log").write_text("x" * 100_000 + "end", encoding="utf-8")
    (tmp_path / "data").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "link").symlink_to(tmp_path / "b.log")
    os.mkfifo(tmp_path / "fifo")
    long, short = sorted(read_texts(str(tmp_path)), key=len, reverse=True)
    assert short == "one\n"
    assert long.endswith("end")
    assert len(long) == 64 << 10


def test_no_folder(tmp_path: Path) -> None:
    """A folder that does not exist has no texts."""
    assert read_texts(str(tmp_path / "nothing")) == []
