"""The manifest of a compose service: what it says, what is not honoured, and what is refused."""

import argparse
import textwrap
from pathlib import Path

import pytest

from dualstack.cli.composed import take_compose
from dualstack.compose.convert import manifest_of
from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.manifest import Subject, subjects_of
from dualstack.service import launch_component, launch_service

EXAMPLE = ROOT / "examples" / "compose" / "compose.yaml"

FULL = """\
services:
  web:
    image: shop:1
    entrypoint: /run.sh --all
    command: serve "two words"
    environment: [A=1, PASSED, MISSING]
    env_file: web.env
    ports: ["127.0.0.1:9000:8000/tcp", "53:53/udp", {target: 8443}]
    expose: [8000, "8001"]
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
    healthcheck: {test: curl -f localhost, interval: 5s}
    working_dir: /app
    user: "1000:1000"
    volumes: ["./web.conf:/etc/web.conf:ro", "data:/data", "./absent:/absent"]
    stop_signal: SIGINT
    restart: always
    cap_add: [NET_ADMIN]
    container_name: shop
    blkio_config: {weight: 300}
  db:
    image: db:1
    depends_on: [cache]
    expose: ["5432"]
    healthcheck: {test: ["CMD-SHELL", "pg_isready -U $${USER}"]}
    environment: {USER: "{port}"}
  cache: {build: ./cache}
  migrate: {image: "shop:1"}
  idle: {image: "shop:1"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a compose file with every key that is honoured, and what it refers to."""
    monkeypatch.setenv("PASSED", "on")
    (tmp_path / "compose.yaml").write_text(FULL, encoding="utf-8")
    (tmp_path / "web.env").write_text("A=0\nB=2\n", encoding="utf-8")
    (tmp_path / "web.conf").touch()
    return tmp_path


def converted(folder: Path, name: str = "web") -> tuple[Subject, list[str]]:
    """Write the manifest of a service into another folder; return it, checked, and the notes."""
    path = folder / "made" / "service.toml"
    path.parent.mkdir(exist_ok=True)
    text, notes = manifest_of(folder / "compose.yaml", name, path)
    path.write_text(text, encoding="utf-8")
    (subject,) = subjects_of(path, [])
    return subject, notes


def test_the_service(folder: Path) -> None:
    """The manifest is valid, and the container starts as Compose would start it."""
    subject, _ = converted(folder)
    launch = launch_service(subject, "/scratch", af_inet6=True, contained=True)
    assert (launch.image, launch.command, launch.directory) == ("shop:1", (), "/app")
    assert launch.environment == {"A": "1", "B": "2", "PASSED": "on"}
    own = launch.contained
    assert (own.entrypoint, own.arguments, own.user) == (("/run.sh", "--all"), ("serve", "two words"), "1000:1000")
    assert own.health == ("/bin/sh", "-c", "curl -f localhost")
    assert own.copies == {"/etc/web.conf": str(folder / "web.conf")}
    assert [item.port for item in subject.listen] == [8000, 8443, 8001]
    assert subject.listener("tcp-8443").tls is not None
    assert subject.manifest.service.stop_signal == "SIGINT"


def test_the_components(folder: Path) -> None:
    """What it depends on starts before it, in the right order, with its own health check; nothing else starts."""
    subject, _ = converted(folder)
    assert [item.name for item in subject.components] == ["cache", "db"]
    cache, database = (
        launch_component(subject, item, "/scratch", af_inet6=True, contained=True) for item in subject.components
    )
    assert cache.image.startswith("dualstack-service:")
    assert (database.image, database.contained.health) == ("db:1", ("/bin/sh", "-c", "pg_isready -U ${USER}"))
    assert database.contained.own


def test_what_is_not_honoured(folder: Path) -> None:
    """Each such key is named once, with its line and the reason; what changes nothing in a lab is not named."""
    _, notes = converted(folder)
    found, lines = {}, {}
    for note in notes:
        place, line, key, why = note.removeprefix(f"{folder}/").split(":", 3)
        assert place == "compose.yaml"
        found[key.strip().removeprefix("services.")] = why
        lines[key.strip().removeprefix("services.")] = FULL.splitlines()[int(line) - 1].strip()
    assert lines["web.restart"] == "restart: always"
    assert lines["web.blkio_config"].startswith("blkio_config")
    assert lines["web.ports.1"].startswith("ports")
    assert lines["idle"].startswith("idle")
    assert set(found) == {
        "web.depends_on.migrate", "web.volumes.1", "web.volumes.2", "web.ports.1", "web.restart", "web.cap_add",
        "web.blkio_config", "migrate", "idle",
    }  # fmt: skip
    assert "its end is a result" in found["web.restart"]
    assert "does not exist" in found["web.volumes.2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web: {image: a}", r":2: services\.web: no port that can be verified"),
        ("web: {image: a, ports: ['53:53/udp']}", r":2: services\.web: no port that can be verified"),
        ("web: {image: a, ports: ['80:80/sctp']}", r"ports\.0: found '80:80/sctp', allowed: .* of tcp or udp"),
        ("web: {image: a, ports: [{published: 80}]}", r":2: services\.web\.ports\.0: found 'None/tcp'"),
        ("web: {image: a, expose: '80'}", r":2: services\.web\.expose: found str, allowed: a list"),
        ("web: {ports: [80]}", r":2: services\.web: neither image nor build"),
        ("web: {build: {context: ., ssh: [x]}, ports: [80]}", r":2: services\.web\.build\.ssh: is not supported"),
        ("web: {build: {args: [[]]}, ports: [80]}", r"services\.web\.build\.args: found list, allowed: a text"),
        ("web: {image: a, ports: [x]}", r":2: services\.web\.ports\.0: found 'x'"),
        ("web: {image: a, ports: ['70000']}", r"found '70000'"),
        ("web: {image: a, ports: [80], volumes: [x:y]}", r"volumes\.0: found 'x:y'"),
        ("web: {image: a, ports: [80], command: [[]]}", r"services\.web\.command: found list, allowed: a text"),
        ("web: {image: a, ports: [80], env_file: none.env}", r":2: .*\.env_file: there is no file .*none\.env"),
        ("web: {image: a, ports: [80], depends_on: [no]}", r":2: .*\.depends_on\.no: there is no service 'no'"),
        ("web: {image: a, ports: [80], depends_on: [web]}", "the services depend on each other"),
        ("web: {image: a, ports: [80], depends_on: [b]}\n  b: {image: b, expose: [80]}",
         r":3: services\.b\.expose\.0: web and b both have port 80"),
        ("webb: {image: a}", "no service 'web' \\(there are: webb\\); did you mean 'webb'"),
        ("web: 1", "found no table"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """What cannot run in a lab is an error with the line and the key."""
    (tmp_path / "compose.yaml").write_text(f"services:\n  {text}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=expected):
        manifest_of(tmp_path / "compose.yaml", "web", tmp_path / "service.toml")


def test_a_read_only_file_system(tmp_path: Path) -> None:
    """Folders in memory belong to it, and nothing can be copied into it; a writable one has no folders in memory."""
    shared = "image: a, ports: [80], tmpfs: ['/run:size=1m'], volumes: ['./x:/x:ro']"
    (tmp_path / "x").touch()
    services = f"services:\n  web: {{{shared}, read_only: true}}\n  open: {{{shared}}}\n"
    (tmp_path / "compose.yaml").write_text(services, encoding="utf-8")
    subject, notes = converted(tmp_path)
    launch = launch_service(subject, "/scratch", af_inet6=True, contained=True)
    assert (launch.read_only, launch.tmpfs, launch.contained.copies) == (True, ("/run",), {})
    assert any("web.volumes.0: not honoured: nothing can be copied" in note for note in notes)
    subject, notes = converted(tmp_path, "open")
    launch = launch_service(subject, "/scratch", af_inet6=True, contained=True)
    assert (launch.read_only, launch.tmpfs, [*launch.contained.copies]) == (False, (), ["/x"])
    assert any("open.tmpfs: not honoured" in note for note in notes)


PORTS = """\
services:
  web:
    image: shop:1
    ports:
      - "53:53/udp"
      - "5060:5060/UDP"
      - {target: 443, published: 8443, app_protocol: http, mode: host}
      - {target: "8000", protocol: tcp, app_protocol: rediss}
      - {target: 5061, protocol: udp, app_protocol: sip}
      - {target: 9000, app_protocol: gopher}
      - {target: 9001, protocol: udp, app_protocol: http}
      - "[::1]:3000-3002:3000-3002"
"""


def test_ports(tmp_path: Path) -> None:
    """Both syntaxes give the port in the container, its transport and protocol; what is not honoured has its line."""
    (tmp_path / "compose.yaml").write_text(PORTS, encoding="utf-8")
    subject, notes = converted(tmp_path)
    found = {
        item.name: (item.port, item.transport.value, item.protocol, item.tls is not None) for item in subject.listen
    }
    assert found == {
        "udp-5060": (5060, "udp", "sip", False),
        "tcp-443": (443, "tcp", "http", False),
        "tcp-8000": (8000, "tcp", "redis", True),
        "udp-5061": (5061, "udp", "sip", False),
        "tcp-9000": (9000, "tcp", "http", False),
        "tcp-3000": (3000, "tcp", "http", False),
    }
    assert [note.removeprefix(f"{tmp_path}/compose.yaml:").partition(": not honoured: ")[::2] for note in notes] == [
        ("5: services.web.ports.0", "what is sent over UDP is not known: add a [[listen]] to the manifest"),
        ("10: services.web.ports.5.app_protocol", "gopher is not known: dualstack help manifest lists the protocols"),
        (
            "11: services.web.ports.6.app_protocol",
            "http is not known over UDP: dualstack help manifest lists the protocols",
        ),
        ("11: services.web.ports.6", "what is sent over UDP is not known: add a [[listen]] to the manifest"),
        ("12: services.web.ports.7", "of a range of ports only the first one, 3000, is verified"),
    ]


BUILD = """\
services:
  web:
    build: {context: ./web, dockerfile: Dockerfile.small, target: run, args: [VERSION=1.2, PASSED], no_cache: true}
    ports: [80]
    depends_on: [db]
  db: {build: {context: ./db, args: {A: 1, B: "{x}"}}, image: named-too}
"""


def test_how_images_are_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dockerfile, stage and arguments are in the manifest, and another argument is another image."""
    monkeypatch.setenv("PASSED", "on")
    (tmp_path / "compose.yaml").write_text(BUILD, encoding="utf-8")
    subject, notes = converted(tmp_path)
    image, database = subject.manifest.image, subject.components[0]
    assert image is not None
    assert (image.build, image.dockerfile.name, image.dockerfile.target) == (Path("web"), "Dockerfile.small", "run")
    assert image.dockerfile.arguments == {"VERSION": "1.2", "PASSED": "on"}
    assert (database.build, database.dockerfile.name) == (Path("db"), "Dockerfile")
    assert database.dockerfile.arguments == {"A": "1", "B": "{x}"}
    assert notes == []
    (tmp_path / "compose.yaml").write_text(BUILD.replace("1.2", "1.3").replace("A: 1", "A: 2"), encoding="utf-8")
    other, _ = converted(tmp_path)
    assert other.image != subject.image
    assert other.image_of(other.components[0]) != subject.image_of(database)


def test_a_dockerfile_belongs_to_a_folder(tmp_path: Path) -> None:
    """How an image is built says nothing of one that is only named."""
    (tmp_path / "compose.yaml").write_text("services:\n  web: {image: a, ports: [80]}\n", encoding="utf-8")
    text, _ = manifest_of(tmp_path / "compose.yaml", "web", tmp_path / "service.toml")
    path = tmp_path / "service.toml"
    path.write_text(text.replace('name = "a"', 'name = "a"\ndockerfile = { target = "x" }'), encoding="utf-8")
    with pytest.raises(UsageError, match=r'image\.dockerfile: "dockerfile" belongs to build'):
        list(subjects_of(path, []))


def options(folder: Path, **given: object) -> argparse.Namespace:
    """Return the options of ``dualstack run`` that are about compose files."""
    known: dict[str, object] = {
        "compose": None,
        "service": "",
        "save": None,
        "manifest": [],
        "results": folder / "results",
        "watch": False,
        "lab": "docker",
    }
    return argparse.Namespace(**(known | given))


def test_the_manifest_is_kept_with_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --save it is where the commands that repeat a case find it; --save never replaces a file."""
    chosen = options(tmp_path, compose=EXAMPLE, service="web")
    take_compose(chosen)
    assert chosen.manifest == [tmp_path / "results" / "compose" / "web.toml"]
    assert next(iter(subjects_of(chosen.manifest[0], []))).directory == EXAMPLE.parent.resolve()
    assert "compose.yaml:13: services.web.restart: not honoured" in capsys.readouterr().err
    saved = options(tmp_path, compose=EXAMPLE, service="web", save=tmp_path / "service.toml")
    take_compose(saved)
    assert saved.manifest == [tmp_path / "service.toml"]
    with pytest.raises(UsageError, match="exists already"):
        take_compose(options(tmp_path, compose=EXAMPLE, service="web", save=tmp_path / "service.toml"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "no manifest; name one"),
        ({"service": "web"}, "belong to --compose"),
        ({"compose": EXAMPLE}, "--compose needs --service NAME"),
        ({"compose": EXAMPLE, "service": "web", "manifest": [Path("a.toml")]}, "and no manifest"),
        ({"compose": EXAMPLE, "service": "web", "lab": "netns"}, "add --lab docker"),
        (
            {"compose": EXAMPLE, "service": "web", "watch": True, "save": Path("a.toml")},
            "run that one with --watch, without --compose",
        ),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, given: dict[str, object], expected: str) -> None:
    """Each wrong use has its sentence."""
    with pytest.raises(UsageError, match=expected):
        take_compose(options(tmp_path, **given))


def test_components_without_a_command_need_an_image(tmp_path: Path) -> None:
    """A [[component]] must be a command or an image, and has one image at most."""
    head = 'schema = 1\n[service]\nname = "a"\ncommand = ["a"]\n[[listen]]\nname = "a"\nport = 1\nprotocol = "echo"\n'
    path = tmp_path / "service.toml"
    for more, expected in (("", "command: missing"), ('image = "a"\nbuild = "b"\n', "either image or build")):
        path.write_text(f'{head}[[component]]\nname = "b"\n{textwrap.dedent(more)}', encoding="utf-8")
        with pytest.raises(UsageError, match=expected):
            list(subjects_of(path, []))
