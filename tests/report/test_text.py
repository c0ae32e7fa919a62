"""Text of services is made safe to show, and packets become rows and lines."""

import errno
from pathlib import Path

import pytest

from dualstack.report.atomic import write_atomically
from dualstack.report.ladder import rows_of
from dualstack.report.text import clip, enumerated, head_and_tail, visible
from dualstack.timeline import packet_lines, shortened
from tests.report.conftest import packet


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\x00b\x07", "a\N{SYMBOL FOR NULL}b\N{SYMBOL FOR BELL}"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("\ud800\uffff", "\N{REPLACEMENT CHARACTER}" * 2),
        ("\u202egnp.exe", "[U+202E]gnp.exe"),
        ("\x9b31m", "[U+009B]31m"),
        ("Grüße, 世界 ✓", "Grüße, 世界 ✓"),
    ],
)
def test_nothing_acts(raw: str, safe: str) -> None:
    """Escapes go, control characters become pictures, everything else stays."""
    assert visible(raw) == safe


def test_long_text_keeps_head_and_tail() -> None:
    """A shortened text says how much is left out, and keeps more of its end than of its beginning."""
    text = "".join(f"{number}\n" for number in range(1000))
    short = head_and_tail(text, 300)
    assert short.startswith("0\n1\n")
    assert short.endswith("999\n")
    assert f"{len(text) - 300} characters left out" in short
    assert head_and_tail("abc", 3) == "abc"


def test_a_line_is_clipped() -> None:
    """A clipped text is one line no longer than was asked for."""
    assert clip("a\n  b", 10) == "a b"
    assert clip("x" * 50, 10) == "x" * 9 + "…"


def test_enumeration_quotes_what_has_a_comma() -> None:
    """An item that contains a comma cannot be mistaken for two."""
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b, c", "d"]) == 'a, "b, c" and d'


HOSTS = ("192.0.2.2", 40000), ("192.0.2.1", 80)
HOSTS_6 = ("2001:db8::2", 5), ("2001:db8::1", 53)
PACKETS = (
    packet(1, 20.0, HOSTS, "TCP SYN"),
    packet(2, 20.1, HOSTS[::-1], "TCP RST ACK"),
    packet(3, 29.0, HOSTS_6, "UDP, 12 bytes"),
    packet(7, 29.2, (("2001:db8::1", 0), ("2001:db8::2", 0)), "ICMPv6 port unreachable, about another"),
)


def test_the_first_sender_stands_on_the_left() -> None:
    """Of two hosts the one that sends the first packet stands left, whichever ports and directions follow."""
    assert [(*row.ends, row.forward) for row in rows_of(PACKETS)] == [
        ("192.0.2.2:40000", "192.0.2.1:80", True),
        ("192.0.2.2:40000", "192.0.2.1:80", False),
        ("[2001:db8::2]:5", "[2001:db8::1]:53", True),
        ("2001:db8::2", "2001:db8::1", False),
    ]


def test_packets_that_are_left_out_are_counted() -> None:
    """Packets are shown as lines with times from the first one; a gap in their numbers is a line too."""
    assert packet_lines(PACKETS) == (
        "+0.000 ms  192.0.2.2:40000 → 192.0.2.1:80  TCP SYN",
        "+0.100 ms  192.0.2.1:80 → 192.0.2.2:40000  TCP RST ACK",
        "+9.000 ms  [2001:db8::2]:5 → [2001:db8::1]:53  UDP, 12 bytes",
        "… 3 packets left out …",
        "+9.200 ms  2001:db8::1 → 2001:db8::2  ICMPv6 port unreachable, about another",
    )
    assert packet_lines(shortened(PACKETS, 3))[2] == "… 4 packets left out …"
    assert shortened(PACKETS, 4) == PACKETS
    assert packet_lines(()) == ()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file cannot be replaced, the old one stays whole and no temporary file is left."""
    target = tmp_path / "report.html"
    write_atomically(target, "old")

    def fail(self: Path, other: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_written_file_is_readable_by_others(tmp_path: Path) -> None:
    """The file that replaces another can be read by every user, and lone surrogates do not stop it."""
    target = write_atomically(tmp_path / "x", "a\ud800")
    assert target.stat().st_mode & 0o777 == 0o644
    assert target.read_bytes() == b"a?"
