"""``[[connect]]``."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool

from dualstack.families import BOTH, Family
from dualstack.manifest.base import Command, Environment, Name, Port, Table, distinct
from dualstack.manifest.faults import Fault
from dualstack.manifest.patterns import Regex
from dualstack.manifest.texts import Place
from dualstack.manifest.tls import ConnectTls
from dualstack.transport import AppProtocol, Transport


def _valid_exit_code(data: object) -> object:
    """Refuse what is neither an exit code nor "any"."""
    if data == "any" or (isinstance(data, int) and not isinstance(data, bool) and data in range(256)):
        return data
    raise ValueError(f'found {data!r}; allowed: a number from 0 to 255, or "any"')


ExitCode = Annotated[int | Literal["any"], BeforeValidator(_valid_exit_code)]


class Connect(Table):
    """A command that connects to a server. It runs once in each case and ends by itself."""

    name: Name = Field(description="A short name, for the report.")
    command: Command = Field(description="The command; {host} and {port}, or {target}, say where to connect.")
    transport: Transport = Field(Transport.TCP, description="The transport protocol: tcp or udp.")
    port: Port = Field(8000, description="The port of the lab's server.")
    protocol: AppProtocol = Field(
        AppProtocol.ECHO, description="The application protocol of the lab's server: connect, echo, upper or http."
    )
    tls: ConnectTls | None = Field(None, description="The lab's server speaks TLS; omit if it does not.")
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families that it claims to use.")
    environment: Environment = Field({}, description="Environment variables besides those of the service.")
    input: str | None = Field(None, description="The text on its standard input, before end of file.")
    exit_code: ExitCode = Field(0, description='The exit code that means success, or "any".')
    output: Regex | None = Field(None, description="A regular expression that the output must match on success.")
    literals: StrictBool = Field(True, description="Whether it accepts IP addresses as host.")
    names: StrictBool = Field(True, description="Whether it accepts names as host.")

    def _knows_where_to_connect(self) -> Iterator[Fault]:
        """Refuse a command without the server's address."""
        if not any("{host}" in part or "{target}" in part for part in (*self.command, *self.environment.values())):
            yield Fault(
                ("command",), "it contains neither {host} nor {target}; add one, so that it knows where to connect"
            )

    def _server_speaks(self) -> Iterator[Fault]:
        """Refuse a protocol that the lab's server does not speak."""
        if self.protocol in {AppProtocol.EXCHANGE, AppProtocol.ONEWAY}:
            text = f'protocol = "{self.protocol.value}" is for listeners'
            yield Fault(("protocol",), f"{text}; the lab's server speaks connect, echo, upper, http")

    def _tls_fits_transport(self) -> Iterator[Fault]:
        """Refuse TLS over UDP."""
        if self.tls is not None and self.transport is Transport.UDP:
            yield Fault(("tls",), '"tls" belongs to transport = "tcp"')

    CHECKS = (_knows_where_to_connect, _server_speaks, _tls_fits_transport, distinct("families", "a family"))
    TEXTS = dict.fromkeys(("command", "environment"), Place.CONNECTOR)
