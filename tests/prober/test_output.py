"""A program's output: bounded, and searched as it arrives."""

import re

import pytest

from dualstack.prober.output import HEAD, TAIL, Output


def fed(*pieces: bytes) -> Output:
    """Return an output with pieces."""
    output = Output()
    for piece in pieces:
        output.feed(piece)
    return output


def test_a_short_output_is_kept() -> None:
    """An output within the bounds is kept unchanged."""
    log = fed(b"one\n", b"two").log()
    assert (log.text, log.size) == ("one\ntwo", 7)


@pytest.mark.parametrize("size", [HEAD - 1, HEAD, HEAD + 1, HEAD + TAIL - 1, HEAD + TAIL])
def test_nothing_is_left_out_up_to_the_bound(size: int) -> None:
    """Output up to the sum of both sizes is kept completely."""
    log = fed(b"x" * size).log()
    assert (len(log.text), log.size) == (size, size)


@pytest.mark.parametrize("piece", [1000, 65_536, 10_000_000])
def test_head_and_tail_of_a_long_output_are_kept(piece: int) -> None:
    """The middle is left out, with a line that counts its bytes exactly, for all sizes of pieces."""
    data = b"".join(b"%09d\n" % number for number in range(1_000_000))
    output = fed(*(data[at : at + piece] for at in range(0, len(data), piece)))
    log = output.log()
    match = re.search(r"\n\[… (\d+) bytes left out …\]\n", log.text)
    assert match is not None
    assert log.size == len(data) == int(match[1]) + HEAD + TAIL
    assert log.text.startswith("000000000\n")
    assert log.text.endswith("000999999\n")


def test_memory_is_bounded() -> None:
    """After 64 MiB no more than head and twice the tail are held."""
    output = fed(*[b"y" * (1 << 20)] * 64)
    assert len(output._head) == HEAD
    assert len(output._tail) <= 2 * TAIL


def test_bytes_that_are_not_utf8_are_shown() -> None:
    """Broken UTF-8 appears as hexadecimal escapes."""
    assert fed(b"\xff\xfe\xc3\xa9").log().text == "\\xff\\xfeé"


def test_a_line_is_found_in_pieces() -> None:
    """A line that comes byte by byte matches as a whole."""
    output = Output()
    watch = output.watch(r"^listening on \d+$")
    for byte in b"starting\nlistening on 80\nmore\n":
        output.feed(bytes([byte]))
    assert watch.line is not None
    assert watch.line.startswith("listening on 8")


def test_a_line_is_found_in_the_past() -> None:
    """Earlier output counts, in the head and in the tail."""
    assert fed(b"ready\n").watch("^ready$").line == "ready"
    assert fed(b"x" * (HEAD + TAIL * 3), b"\nready\n").watch("^ready$").line == "ready"


def test_a_line_without_an_end_counts() -> None:
    """A prompt without a line feed is found."""
    assert fed(b"a\nready> ").watch("^ready> $").line == "ready> "


def test_lines_are_matched_one_by_one() -> None:
    """An expression does not match across lines, and a carriage return is not part of a line."""
    assert fed(b"one\ntwo\n").watch(r"one\s+two").line is None
    assert fed(b"one\r\ntwo\r\n").watch(r"^one$").line == "one"


def test_an_endless_line_is_bounded() -> None:
    """A line that never ends is searched in pieces; it is not kept."""
    output = Output()
    watch = output.watch("never")
    for _ in range(100):
        output.feed(b"z" * 65_536)
    assert watch.line is None
    assert len(watch._rest) <= 8192
    output.unwatch(watch)
    output.feed(b"never\n")
    assert watch.line is None
