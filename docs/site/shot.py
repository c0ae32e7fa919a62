"""Makes the picture of the README: ``dualstack try`` in a terminal of 80 columns, from a real run.

``python docs/site/shot.py`` runs the command and writes docs/try.svg. The picture loads no font and no script.
"""

import os
import pty
import shlex
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "try.svg"
COMMAND = ("dualstack", "try", "--", "python3", "-m", "http.server", "8080")
COLUMNS = 80
"""What rich takes for the width of a terminal without cursor movements (``TERM=dumb``)."""

LAYOUT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="LABEL">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""
"""The layout, in the form that ``Console.export_svg`` takes. Rich's own layout loads a font from another server."""

DARK = TerminalTheme(
    (24, 26, 31),
    (222, 225, 230),
    [
        *((0, 0, 0), (240, 113, 120), (140, 205, 130), (225, 190, 110)),
        *((120, 170, 250), (200, 150, 230), (110, 200, 210), (222, 225, 230)),
    ],
)
"""Background, foreground and the eight colours, with a contrast of at least 4.5."""


def printed(command: tuple[str, ...]) -> str:
    """Run a command in a terminal and return what it prints; the exit code may be 0 or 1 (a family is not served)."""
    ours, its = pty.openpty()
    environment = {**os.environ, "TERM": "dumb"}
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment) as process:
        os.close(its)
        pieces = []
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:  # EIO: the program has closed the terminal
            pass
        os.close(ours)
    if process.returncode not in (0, 1):
        sys.exit(f"{shlex.join(command)} exited with {process.returncode}:\n{b''.join(pieces).decode()}")
    return b"".join(pieces).decode().replace("\r\n", "\n").rstrip()


def picture(text: str) -> str:
    """Return an SVG of a terminal with the command and its output; crosses are red, check marks are green."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    body = Text(text)
    body.highlight_regex(r"✓", "green")
    body.highlight_regex(r"✗", "red")
    console.print(Text(f"$ {shlex.join(COMMAND)}", style="bold"))
    console.print(body)
    drawn = console.export_svg(title="", theme=DARK, code_format=LAYOUT, unique_id="try")
    return drawn.replace("LABEL", f"{shlex.join(COMMAND)}, and its output")


if __name__ == "__main__":
    PICTURE.write_text(picture(printed(COMMAND)), encoding="utf-8")
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")
