"""The results of the doctor."""

from pathlib import Path

import pytest

from dualstack import doctor
from dualstack.cli import doctor as command
from dualstack.cli.parser import make_parser
from dualstack.errors import HarnessError
from dualstack.lab.trials import TRIALS

HEALTHY = dict.fromkeys(TRIALS, "")


def test_every_feature_is_tried() -> None:
    """A machine that runs these tests has everything that the namespace lab needs."""
    checks = doctor.diagnose()
    assert len(checks) == len(TRIALS) + 3
    assert [check for check in checks if check.required and not check.ok] == []
    assert all(check.found for check in checks)


@pytest.mark.parametrize("trial", sorted(TRIALS))
def test_a_missing_feature_has_a_remedy(monkeypatch: pytest.MonkeyPatch, trial: str) -> None:
    """A failed trial yields one check with what was found and how to enable it."""
    monkeypatch.setattr(doctor, "_try_all", lambda: HEALTHY | {trial: "Operation not permitted"})
    bad, *consequence = [check for check in doctor.diagnose() if not check.ok]
    assert "Operation not permitted" in bad.found
    assert bad.enable
    assert [check.name for check in consequence] == ["what a service can do to this machine"][
        : trial in {"proc", "nested"}
    ]


@pytest.mark.parametrize("place", range(len(doctor._REFUSALS)))
def test_a_setting_that_forbids_namespaces_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: int
) -> None:
    """If a setting forbids namespaces, the check names its file, its value, and the command that changes it."""
    _, value, meaning, enable = doctor._REFUSALS[place]
    file = tmp_path / "setting"
    file.write_text(f"{value}\n")
    monkeypatch.setattr(doctor, "_REFUSALS", ((str(file), value, meaning, enable),))
    monkeypatch.setattr(doctor, "_try_all", lambda: HEALTHY | {"namespaces": "unshare: No space left on device"})
    (bad,) = [check for check in doctor.diagnose() if not check.ok]
    assert meaning in bad.found
    assert f"{file} is {value}" in bad.found
    assert bad.enable == enable


def test_what_only_some_topologies_need_is_not_required() -> None:
    """Nftables, seccomp, overlays and users are checked, but not every namespace lab needs them."""
    optional = {check.name for check in doctor.diagnose() if not check.required}
    assert optional == {
        "dropping packets (nftables)",
        "translating IPv4 addresses (nftables masquerade)",
        "seccomp filters",
        "overlay file systems in a user namespace",
        "services of root without root's rights, with separate users",
        "what a service can do to this machine",
    }


def test_the_promise_is_no_better_than_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where root's services cannot have users of their own, the doctor says that they read what root may read."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for fault, whose in (("", "every user may read"), ("EINVAL", "root may read")):
        monkeypatch.setattr(doctor, "_try_all", lambda fault=fault: HEALTHY | {"users": fault})
        (promise,) = [check for check in doctor.diagnose() if check.name == "what a service can do to this machine"]
        assert whose in promise.found


def test_trials_that_cannot_run_are_a_harness_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the trials' own process fails, nothing is said of the machine."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(HarnessError, match="the trials could not be run"):
        doctor.diagnose()


def test_no_engine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a container engine the doctor says where it looked and how to have one; the namespace lab needs none."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    (check,) = doctor.diagnose_engine()
    assert (check.ok, check.required) == (False, False)
    assert check.found == "no container engine answers at unix:///nowhere/docker.sock"
    assert check.enable.startswith("start it")


def test_an_engine_that_one_may_not_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine whose socket belongs to others is a matter of a group, not of starting one."""

    def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("DOCKER_HOST", "unix:///its/socket")
    monkeypatch.setattr("dualstack.lab.docker.engine._try", refuse)
    (check,) = doctor.diagnose_engine()
    assert (check.ok, check.required) == (False, False)
    assert check.found == "no permission to use the container engine at unix:///its/socket"
    assert "group docker" in check.enable


@pytest.mark.parametrize(
    ("required", "mark", "code", "conclusion"),
    [
        (False, "no   links, optional: none", 0, "This machine can make labs. Next: dualstack try -- ./server "),
        (True, "no   links: none", 3, "This machine cannot make labs yet: enable what begins with “no” and is not "),
    ],
)
def test_the_conclusion(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    required: bool,
    mark: str,
    code: int,
    conclusion: str,
) -> None:
    """The last line says whether labs can be made; what is missing and not needed for that is marked as optional."""
    lacking = doctor.Check("links", ok=False, found="none", enable="modprobe veth", required=required)
    monkeypatch.setattr(command, "diagnose", lambda: [doctor.Check("Linux", ok=True, found="6.1", enable=""), lacking])
    monkeypatch.setattr(command, "diagnose_engine", list)
    assert command.main(make_parser().parse_args(["doctor"])) == code
    printed = capsys.readouterr().out
    assert mark in printed
    assert " ".join(printed.split()).rpartition("modprobe veth ")[2].startswith(conclusion)
