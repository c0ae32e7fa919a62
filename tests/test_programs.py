"""Missing programs of a manifest are found before anything is started, also in a private root file system."""

from pathlib import Path

import pytest

from dualstack.runnable import _why_not_runnable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root file system whose ``java`` is a link to /etc/alternatives, as in Debian."""
    made = tmp_path / "root"
    real = made / "usr" / "lib" / "jvm" / "bin" / "java"
    for folder in (real.parent, made / "etc" / "alternatives", made / "usr" / "bin"):
        folder.mkdir(parents=True)
    real.write_bytes(b"")
    real.chmod(0o755)
    (made / "usr" / "lib" / "jvm" / "default").symlink_to("../jvm")
    (made / "etc" / "alternatives" / "java").symlink_to("/usr/lib/jvm/default/bin/java")
    (made / "usr" / "bin" / "java").symlink_to("/etc/alternatives/java")
    (made / "bin").symlink_to("usr/bin")
    (made / "usr" / "bin" / "lost").symlink_to("/etc/alternatives/lost")
    (made / "usr" / "bin" / "ring").symlink_to("/usr/bin/ring")
    return made


@pytest.mark.parametrize("program", ["java", "/usr/bin/java", "/bin/java", "/etc/alternatives/java"])
def test_absolute_links_stay_inside_the_root(root: Path, tmp_path: Path, program: str) -> None:
    """An absolute link in a root file system is resolved inside it."""
    assert _why_not_runnable(program, tmp_path, str(root)) == ""


@pytest.mark.parametrize("program", ["lost", "ring", "absent", "/usr/bin/lost", "/usr/bin/ring"])
def test_broken_links_are_no_programs(root: Path, tmp_path: Path, program: str) -> None:
    """A link to a missing file, or to itself, is not a program."""
    assert _why_not_runnable(program, tmp_path, str(root)) != ""
