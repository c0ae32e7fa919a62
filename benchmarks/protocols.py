"""The time from the start of a run to its first verdict, for each application protocol, as a ratio to that of echo.

Each service is `protocol_server.py` with our own server of the protocol, and each run is one case; the protocols take
turns, and the medians of the ratios within a round are printed. Usage: ``python benchmarks/protocols.py``; exit code 1
if a ratio is above its target, or if a library is loaded that belongs to a protocol which is not used.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dualstack.protocols.application import Trait
from dualstack.protocols.registry import served
from dualstack.transport import Transport

HERE = Path(__file__).parent
ROUNDS = 5
MOST = 1.5
"""The largest ratio: what a protocol costs beside echo is its library, and its messages."""

LIBRARIES = {"http2": ("h2", "hpack", "hyperframe"), "grpc": ("h2", "hpack", "hyperframe"), "websocket": ("wsproto",)}
"""The libraries that only some protocols need."""

LOADED = """
import sys
from dualstack.families import Family
from dualstack.prober.messages import Dial
from dualstack.protocols.registry import client_for
client_for(Dial(Family.IPV6, "::1", 80, protocol=sys.argv[1]))
print(*{name.partition(".")[0] for name in sys.modules})
"""

MANIFEST = """\
schema = 1

[service]
name = "{name}"
directory = "{folder}"
command = ["{{python}}", "protocol_server.py", "{name}", "{{port}}"]

[[listen]]
name = "{name}"
port = 8080
protocol = "{name}"
"""


def names() -> list[str]:
    """Return the protocols that have both ends over TCP and need nothing in the manifest; echo first."""
    found = [item for item in served() if Transport.TCP in item.serves & item.transports]
    plain = [item.name for item in found if not item.traits & {Trait.DECLARED, Trait.SILENT}]
    return sorted(plain, key=lambda name: name != "echo")


def seconds(folder: Path, name: str) -> float:
    """Verify the service of a protocol with one case; return the wall time."""
    path = folder / f"{name}.toml"
    path.write_text(MANIFEST.format(name=name, folder=HERE), encoding="utf-8")
    chosen = ("--requirement", "LISTEN-001", "--topology", "dual-stack")
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dualstack", "run", *chosen, "--results", str(folder / "results"), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{name}: the run exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def unused(name: str) -> set[str]:
    """Return the libraries that a process has loaded for a client of a protocol that does not use them."""
    done = subprocess.run([sys.executable, "-c", LOADED, name], capture_output=True, text=True, check=True)
    every = {library for own in LIBRARIES.values() for library in own}
    return set(done.stdout.split()) & every - set(LIBRARIES.get(name, ()))


def main() -> int:
    """Measure, print the table, and return 1 if a target is missed."""
    with tempfile.TemporaryDirectory() as made:
        rounds = [{name: seconds(Path(made), name) for name in names()} for _ in range(ROUNDS)]
    missed = False
    for name in names():
        ratio = statistics.median(times[name] / times["echo"] for times in rounds)
        wall = statistics.median(times[name] for times in rounds)
        wrong = unused(name)
        missed = missed or ratio > MOST or bool(wrong)
        loaded = f"LOADS {', '.join(sorted(wrong))}" if wrong else "loads no library that it does not use"
        print(f"{name:14} {wall:6.2f} s  {ratio:5.2f} times echo (target ≤ {MOST:g})  {loaded}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
