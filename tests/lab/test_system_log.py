"""What a program writes to /dev/log is part of its output, and never reaches the machine's log."""

import sys
from collections.abc import Callable
from pathlib import Path

from dualstack.deadline import Deadline
from dualstack.lab.netns import NetnsLab
from dualstack.prober.messages import Exit, Launch

MakeLab = Callable[[str], NetnsLab]
MakeLaunch = Callable[..., Launch]

SYSLOG = "import syslog, sys; syslog.openlog('server'); syslog.syslog(syslog.LOG_ERR, sys.argv[1]);"


def python(launch: MakeLaunch, script: str, *words: str) -> Launch:
    """Return the start of a Python script."""
    return launch(sys.executable, "-I", "-S", "-c", script, *words)


def test_the_system_log_is_output(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """A message is a line of the program's output, without its priority, also of a program that ends at once."""
    host = make_lab("dual-stack").hosts["service"]
    program = host.start(python(launch, SYSLOG + "print('said', flush=True); sys.exit(3)", "bind: in use"))
    assert program.wait(Deadline(10, "the program")) == Exit(3)
    lines = program.log().text.splitlines()
    assert "said" in lines
    (message,) = [line for line in lines if line != "said"]
    assert message.startswith("syslog: ")
    assert message.endswith("bind: in use")
    assert "<" not in message


def test_it_is_waited_for_like_output(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """A wait for a line finds one of the system log."""
    host = make_lab("dual-stack").hosts["service"]
    program = host.start(python(launch, SYSLOG + "sys.stdin.read(); import time; time.sleep(99)", "ready"))
    line = program.wait_log("ready", Deadline(10, "a line"))
    assert line is not None
    assert line.endswith("ready")
    program.stop("SIGKILL", Deadline(10, "the program"))


def test_each_program_has_its_own_messages(make_lab: MakeLab, launch: MakeLaunch, tmp_path: Path) -> None:
    """With several programs on a host, each message belongs to its sender."""
    host = make_lab("dual-stack").hosts["service"]
    wait = f"while not pathlib.Path({str(tmp_path)!r}, 'go').exists(): time.sleep(0.01)\n"
    script = f"import pathlib, time\n{wait}{SYSLOG}\ntime.sleep(99)"
    programs = {name: host.start(python(launch, script, name)) for name in ("first", "second")}
    (tmp_path / "go").touch()
    for name, program in programs.items():
        assert program.wait_log(name, Deadline(10, "a line")) is not None
    for name, program in programs.items():
        assert [line for line in program.log().text.splitlines() if not line.endswith(name)] == []
        program.stop("SIGKILL", Deadline(10, "the program"))


def test_a_program_that_changes_its_user_reaches_it(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """Programs of every user may write to the system log."""
    host = make_lab("dual-stack").hosts["service"]
    script = "import os, stat; kind = os.stat('/dev/log').st_mode; print(oct(stat.S_IMODE(kind)), stat.S_ISSOCK(kind))"
    program = host.start(python(launch, script))
    program.wait(Deadline(10, "the program"))
    assert program.log().text == "0o666 True\n"
