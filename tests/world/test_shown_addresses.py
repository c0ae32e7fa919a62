"""How an output shows an address: the texts that are found, and those that are none."""

import pytest

from dualstack.world.shown_addresses import cut_texts, has_brackets, joined_texts, shown, texts_of

ADDRESS = "2001:db8:51:1::201"
LONG = "2001:db8:51:1:aaaa:bbbb:cccc:202"


@pytest.mark.parametrize(
    "output",
    [
        "connected to {}",
        "{}: Connection refused",
        "[{}]:80",
        "reached {}.",
        "('{}', 80, 0, 0)",
        '{{"address":"{}"}}',
        "at 12:30:45 {} answered",
        "fe80::1, {}",
    ],
)
@pytest.mark.parametrize("text", [ADDRESS, "2001:DB8:51:1:0:0:0:201", "2001:0db8:0051:0001:0000:0000:0000:0201"])
def test_every_text_of_the_address_is_found(output: str, text: str) -> None:
    """Each form is found as it is written, whatever stands around it."""
    assert texts_of(output.format(text), ADDRESS) == (text,)


@pytest.mark.parametrize("output", ["", "2001:db8:51:1::2019", f"{ADDRESS}/64", f"x{ADDRESS}", f"{ADDRESS}:80", "::"])
def test_other_texts_are_no_texts_of_the_address(output: str) -> None:
    """Another address, a network, a part of a word, and an address with more groups are something else."""
    assert texts_of(output, ADDRESS) == ()


def test_texts_are_found_once_and_in_order() -> None:
    """The same text twice counts once."""
    other = ADDRESS.upper()
    assert texts_of(f"{other} {ADDRESS}\n{other}", ADDRESS) == (other, ADDRESS)


@pytest.mark.parametrize(
    ("output", "joined", "brackets"),
    [
        (f"{ADDRESS}:8080 refused", (f"{ADDRESS}:8080",), False),
        (f"dial {LONG}:8080: refused", (f"{LONG}:8080",), False),
        (f"[{ADDRESS}]:8080: refused", (), True),
        (f"http://[{LONG}]:8080/", (), True),
        (f"{ADDRESS} port 8080", (), False),
        (f"{ADDRESS}:8081", (), False),
    ],
)
def test_address_and_port(output: str, joined: tuple[str, ...], brackets: bool) -> None:  # noqa: FBT001 - a row of the table
    """An address and the port are joined with brackets, without them, or not at all."""
    address = LONG if LONG in output else ADDRESS
    assert joined_texts(output, address, 8080) == joined
    assert has_brackets(output, address, 8080) is brackets


@pytest.mark.parametrize(
    ("output", "cut"),
    [
        (f"connected to {LONG[:15]}", (LONG[:15],)),
        (f"{LONG[:15]}: refused", (LONG[:15],)),
        (f"[{LONG[:31]}]", (LONG[:31],)),
        (f"{LONG} and {LONG}:80", ()),
        ("2001:db8:51:1::/64", ()),
        ("2001:db8:51:1", ()),
    ],
)
def test_cut_texts(output: str, cut: tuple[str, ...]) -> None:
    """The beginning of an address is a cut one; the whole address and the prefix of its network are not."""
    assert cut_texts(output, LONG) == cut


def test_a_finding_quotes_the_line_that_is_meant() -> None:
    """The first line with the text, cut to 200 characters; without one only the text."""
    output = f"start\n  connected to {ADDRESS} \nconnected to {ADDRESS} again\n"
    assert shown(output, (ADDRESS,)) == f'it shows {ADDRESS}: "connected to {ADDRESS}"'
    assert shown("", (ADDRESS, LONG)) == f"it shows {ADDRESS} and {LONG}"
    assert len(shown(f"{ADDRESS} {'x' * 500}", (ADDRESS,))) < 250
