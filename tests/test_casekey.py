"""The key of a case: its text, its forms in file names and reports, and how it is found in other text."""

import pytest

from dualstack.casekey import CaseKey

KEY = CaseKey("LISTEN-001", "nginx/both", "http", "dual-stack")


def test_text() -> None:
    """The text, the place and the file name of a key have one form each."""
    assert str(KEY) == "LISTEN-001:nginx/both:http@dual-stack"
    assert KEY.place == "http@dual-stack"
    assert KEY.file_name == "LISTEN-001_nginx_both_http_dual-stack"


def test_a_key_is_found_in_a_node_id() -> None:
    """The key is read back from a pytest node id."""
    assert CaseKey.found_in(f"suites/listen/test_reachability.py::test_it[{KEY}]") == KEY


@pytest.mark.parametrize("text", ["", "LISTEN-001", "LISTEN-001:nginx:http", "tests/test_x.py::test_y[a:b@c]"])
def test_other_text_has_no_key(text: str) -> None:
    """The node id of any other test has none."""
    assert CaseKey.found_in(text) is None
