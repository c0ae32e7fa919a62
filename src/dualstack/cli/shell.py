"""``dualstack shell``: a shell, or one command, inside a host of a lab in which the service runs."""

import argparse
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from dualstack.backend_names import NETNS
from dualstack.casework import builder
from dualstack.cli.attached import attach, check_lab
from dualstack.cli.check import checked_subjects
from dualstack.cli.own_folder import own_folder
from dualstack.errors import HarnessError, UsageError
from dualstack.families import BOTH, endpoint
from dualstack.lab import shelling
from dualstack.lab.backends import make_backend
from dualstack.lab.protocol import Host, Lab
from dualstack.manifest import Listen, Scope, Subject
from dualstack.runnable import missing_programs
from dualstack.suggestion import did_you_mean
from dualstack.topology import Topology, load_topology
from dualstack.transport import Transport
from dualstack.world.standing import Standing, standing

_SHOWN = 10
"""How many of the last lines of the service's output are shown at the end."""


def main(options: argparse.Namespace) -> int:
    """Run the shell or the command; return its exit code."""
    check_lab("--lab docker", options.lab)
    topology = load_topology(options.topology)
    subject = _subject(options) if options.manifest else None
    name = _host(options.host, topology, subject)
    interactive = not options.words
    if interactive and not _is_terminal():
        raise UsageError("a shell needs a terminal; to run one command: dualstack shell dual-stack -- COMMAND")
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # the lab and its files are removed in order
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGINT))
    backend = make_backend(NETNS, f"shell-{secrets.token_hex(4)}", "shell")
    with own_folder("shell") as folder:
        capture = folder / "capture.pcap"
        try:
            with standing(backend, topology, subject, capture) as there:
                host = there.lab.hosts[name]
                if not options.quiet:
                    print("\n".join(_banner(there, host, subject, capture)), file=sys.stderr, flush=True)
                code = _run(host, options.words or [os.environ.get("SHELL") or "/bin/sh"])
                if interactive and there.service is not None and there.service.current is not None:
                    _show_output(there.service.log.text)
        finally:
            backend.close()
        if options.capture is not None:
            shutil.copyfile(capture, options.capture)
    return code


def _subject(options: argparse.Namespace) -> Subject:
    """Return the service, built.

    Raises:
        UsageError: The manifest is wrong, has several configurations and none is chosen, or the build fails.
    """
    subjects = checked_subjects(options.manifest, options.configuration, NETNS)
    if len(subjects) > 1:
        names = ", ".join(subject.configuration for subject in subjects)
        raise UsageError(f"{options.manifest}: it has several configurations; choose one with --configuration: {names}")
    with builder(NETNS) as build:
        build(subjects[0])
    if missing := list(missing_programs(subjects[0])):
        raise UsageError(f"{options.manifest}: {missing[0].text}")
    return subjects[0]


def _host(wanted: str, topology: Topology, subject: Subject | None) -> str:
    """Return the name of the host in which the shell runs: by default the clients' if something listens.

    Raises:
        UsageError: There is no such host.
    """
    roles = {"service": topology.roles.service, "client": topology.roles.client}
    if not wanted:
        return roles["client" if subject is not None and subject.listen else "service"]
    names = list(dict.fromkeys([*roles, *topology.host]))
    if wanted not in names:
        hint = did_you_mean(wanted, names)
        raise UsageError(
            f"--host: topology {topology.name} has no host {wanted!r} (there are: {', '.join(names)}){hint}"
        )
    return wanted if wanted in topology.host else roles[wanted]


def _is_terminal() -> bool:
    """Return whether the user is at a terminal."""
    return os.isatty(0) and os.isatty(1)


def _run(host: Host, command: list[str]) -> int:
    """Run a command inside a host, at a terminal if the user is at one; return its exit code.

    Raises:
        HarnessError: It was lost with its host.
    """
    terminal = _is_terminal()
    with host.inside(shelling.ENTRY) as stream:
        environment = {**os.environ, "DUALSTACK_HOST": host.name}
        other_end = shelling.order(stream, command, environment, str(Path.cwd()), terminal=terminal)
        if terminal:
            try:
                attach(other_end, stream)
            finally:
                os.close(other_end)
        code = shelling.exit_code(stream)
    if code is None:
        raise HarnessError(f"{command[0]}: lost together with its host")
    return code


def _banner(there: Standing, here: Host, subject: Subject | None, capture: Path) -> Iterator[str]:
    """Yield what the user sees first: the hosts and their addresses, the service, commands to try, the packets."""
    topology = there.lab.topology
    service = there.lab.hosts["service"]
    yield f"dualstack: {topology.title}; this is host {here.name}, and exit ends the lab"
    for host in there.lab.hosts.values():
        addresses = "  ".join(address for family in BOTH for address in host.plan.configured[family])
        yield f"  {host.name:<10}{addresses}{'  (you are here)' if host.name == here.name else ''}"
    if subject is not None and there.state:
        yield f"  {subject.name} on {service.name} {there.state}"
    yield from (f"  try       {line}" for line in _examples(there.lab, here, subject))
    yield from (f"  try       {line}    (on host {service.name})" for line in there.commands)
    tool = f"tcpdump -nr {capture}" if shutil.which("tcpdump") else "for tcpdump or Wireshark"
    yield f"  packets   of {service.name}, live: {capture}    {tool}"


def _examples(lab: Lab, here: Host, subject: Subject | None) -> Iterator[str]:
    """Yield commands that reach the listeners of the service from a host."""
    service = lab.hosts["service"]
    for listener in subject.listen if subject is not None else ():
        if listener.scope is Scope.LOOPBACK and here.name != service.name:
            continue
        for family in listener.families:
            own = [family.loopback] if listener.scope is Scope.LOOPBACK else service.plan.configured[family]
            yield from (_example(listener, address) for address in own[:1])


def _example(listener: Listen, address: str) -> str:
    """Return a command that reaches a listener at an address."""
    if listener.protocol == "http":
        scheme = "https" if listener.tls else "http"
        return (
            f"curl -g{'k' if listener.tls else ''} {scheme}://{endpoint(address, listener.port)}{listener.path or '/'}"
        )
    udp = "-u " if listener.transport is Transport.UDP else ""
    if listener.tls:
        return f"openssl s_client -connect {endpoint(address, listener.port)}"
    return f"nc -v {udp}{address} {listener.port}"


def _show_output(text: str) -> None:
    """Print the last lines of the service's output."""
    lines = text.splitlines()[-_SHOWN:]
    if lines:
        print("dualstack: the last lines of the service:", *lines, sep="\n  ", file=sys.stderr)
