"""What the suites in this folder share."""

from dualstack.testing import Dialled


def body(dialled: Dialled) -> str:
    """Return the body of an HTTP answer."""
    return dialled.answer.partition("\r\n\r\n")[2]
