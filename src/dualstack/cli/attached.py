"""The user's terminal, attached to a terminal of a lab's host: what is typed there, and what it shows, is passed on.

The user's terminal is raw meanwhile: Ctrl-C and Ctrl-Z are for the programs inside, never for the lab.
"""

import os
import selectors
import signal
import socket
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from dualstack.backend_names import DOCKER
from dualstack.errors import UsageError
from dualstack.lab.shelling import set_size

_STDIN, _STDOUT = 0, 1
_MOST = 1 << 16


def check_lab(option: str, lab: str) -> None:
    """Refuse a shell in a docker lab.

    Raises:
        UsageError: It is one.
    """
    if lab == DOCKER:
        raise UsageError(
            f"{option}: no shell in a docker lab: its hosts have no programs but those of images. The namespace lab "
            "has the same networks and this machine's programs: dualstack shell TOPOLOGY"
        )


def attach(terminal: int, ending: socket.socket) -> None:
    """Pass everything on between the user's terminal and the other end of one, until ``ending`` has something to say.

    Args:
        terminal: The descriptor of the other end; it is not closed.
        ending: What becomes readable when the program of the terminal has ended.
    """
    with _raw(), _sized_like_ours(terminal), selectors.DefaultSelector() as selector:
        for descriptor in (_STDIN, terminal, ending.fileno()):
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if terminal in ready and not _pass_on(terminal, _STDOUT):
                selector.unregister(terminal)  # its last process has closed it
            if _STDIN in ready and not _pass_on(_STDIN, terminal):
                return
            if ending.fileno() in ready:
                os.set_blocking(terminal, False)
                while _pass_on(terminal, _STDOUT):
                    pass
                return


def _pass_on(source: int, target: int) -> bool:
    """Pass on what can be read now; return False at the end of the source, or if it has nothing."""
    try:
        data = os.read(source, _MOST)
    except OSError:  # EIO: the other end is closed; EAGAIN: there is no data
        return False
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]
    return bool(data)


@contextmanager
def _raw() -> Iterator[None]:
    """Make the user's terminal raw, and as it was before at the end."""
    before = termios.tcgetattr(_STDIN)
    tty.setraw(_STDIN, termios.TCSADRAIN)  # what was typed already is kept
    try:
        yield
    finally:
        termios.tcsetattr(_STDIN, termios.TCSADRAIN, before)


@contextmanager
def _sized_like_ours(terminal: int) -> Iterator[None]:
    """Give a terminal the size of the user's, now and whenever that changes."""

    def resize(*_: object) -> None:
        size = os.get_terminal_size(_STDIN)
        set_size(terminal, (size.lines, size.columns))

    before = signal.signal(signal.SIGWINCH, resize)
    resize()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
