"""Text of services is made safe to show, and packets become rows and lines."""

import errno
from pathlib import Path

import pytest

from dualstack.finding import Finding
from dualstack.report.atomic import write_atomically
from dualstack.report.ladder import rows_of
from dualstack.report.text import clip, enumerated, head_and_tail, visible
from dualstack.timeline import Step, around, during, failing, kept, packet_lines, shortened, span
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


def test_the_run_that_failed_is_shown() -> None:
    """Of many steps and packets, those of the run are kept that the first failed finding is about."""
    runs = [f"a-ok.{number}.lab.test" for number in range(9)]
    steps = [Step(0.0, "the peer listens")]
    for number, name in enumerate(runs):
        result = "it exited with code 1; 0 connections" if number in {4, 6} else "it succeeded"
        steps += [Step(number + 0.1, f"run the connector: ./a {name} 80"), Step(number + 0.9, result)]
    broken = Finding(False, f"it connects to {runs[4]}:80", "it exited with code 1; its own limit ended it")
    fine = Finding(True, f"it connects to {runs[1]}:80", "it succeeded")
    at = failing(steps, [fine, broken])
    assert at is not None
    assert steps[at - 1].what.startswith(f"run the connector: ./a {runs[4]}")
    assert steps[at].what.startswith("it exited")
    assert span(steps, [fine, broken]) == pytest.approx((4.099, 4.901))
    shown = shortened(steps, 6, around(at))
    assert [step.at for step in shown] == [0.0, 0.1, 3.9, 4.1, 4.9, 8.9]
    times = [number / 10 for number in range(90)]
    assert during(times, span(steps, [broken])) == range(41, 50)
    assert kept(90, 6, during(times, span(steps, [broken]))) == [0, 1, 41, 42, 43, 89]


def test_without_a_run_that_failed_beginning_and_end_are_shown() -> None:
    """So it is if nothing failed, or if no step is about the target of what did; the last run about it counts too."""
    steps = [Step(0.1, "run the connector: ./a ::1 80"), Step(0.9, "it succeeded"), Step(1.0, "stop the service")]
    assert failing(steps, [Finding(True, "it connects to [::1]:80", "it succeeded")]) is None
    assert failing(steps, [Finding(False, "it connects to [::2]:80", "it succeeded")]) is None
    assert failing(steps, [Finding(False, "attempts are 10 ms apart", "they are not")]) is None
    assert span(steps, []) is None
    late = Finding(False, "the request to [::1]:80 names its hosts", "it does not")
    assert failing(steps, [late]) == 1
    assert failing(steps[:1], [late]) == 0
    assert span(steps[:1], [late]) is None
    assert kept(9, 6, None) == kept(9, 6, range(0)) == [0, 1, 2, 3, 7, 8]
    assert kept(9, 6, range(8, 9)) == [0, 1, 5, 6, 7, 8] == kept(9, 6, range(5, 9))
    assert kept(3, 6, range(1, 2)) == [0, 1, 2]
    assert during([1.0], (2.0, 3.0)) is None


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
