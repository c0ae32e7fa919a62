"""Both ends of FTP."""

import pytest

from dualstack.families import Family
from dualstack.protocols.ftp import FtpClient, FtpServer, Reply, replies_in
from dualstack.protocols.ftp_active import FtpActiveClient
from dualstack.protocols.judgement import Outcome

OVER = "nothing more came"
LOGIN = b"220-hello\r\n220-there\r\n220 ready\r\n331 password?\r\n230 welcome\r\n"
BOTH = LOGIN + b"227 Entering Passive Mode (192,0,2,1,35,41).\r\n229 Extended (|||9001|)\r\n"


def test_a_client_logs_in_and_asks_for_a_port() -> None:
    """Each command follows the reply to the one before, and EPSV is the last one."""
    client = FtpClient()
    assert client.start() == b""
    sent, judgement = [], None
    for line in BOTH.splitlines(keepends=True):
        turn = client.receive(line)
        sent.append(turn.send)
        judgement = turn.judgement
    assert b"".join(sent) == b"USER anonymous\r\nPASS dualstack@\r\nPASV\r\nEPSV\r\n"
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED
    assert "PASV was answered '227 Entering" in judgement.detail


def test_a_refused_data_port_is_an_answer() -> None:
    """Whether PASV and EPSV may be refused is not what says that a client is served."""
    client = FtpClient()
    judgement = client.receive(LOGIN + b"522 use EPSV\r\n500 EPSV?\r\n").judgement
    assert judgement is not None
    assert judgement.outcome is Outcome.ANSWERED


def test_a_login_may_need_no_password() -> None:
    """After 230 to USER no password is sent, and the replies are still told apart."""
    text = b"220 a\r\n230 b\r\n227 c\r\n229 d\r\n"
    assert FtpClient().receive(text[:14]).send == b"USER anonymous\r\nPASV\r\n"
    assert [f"{step} {reply.code}" for step, reply in replies_in(text).items()] == [
        "greeting 220",
        "USER 230",
        "PASV 227",
        "EPSV 229",
    ]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "is no reply with a code"),
        (b"421 too many users\r\n", "the greeting is '421 too many users'; expected 220"),
        (b"220 a\r\n530 no\r\n", "the reply to USER anonymous is '530 no'; expected 230 or 331"),
        (LOGIN[:-4], "PASS was not answered: nothing more came"),
        (b"220-hello\r\n", "no greeting"),
        (b"220-" + b"x" * 70_000, "longer than 64 KiB"),
    ],
    ids=range(6),
)
def test_other_answers_are_wrong(answer: bytes, text: str) -> None:
    """Another protocol, a refused login, or a part of the replies is wrong; nothing is silence."""
    client = FtpClient()
    assert client.end(OVER).outcome is Outcome.SILENT
    judgement = client.receive(answer).judgement or client.end(OVER)
    assert text in judgement.detail


@pytest.mark.parametrize(
    ("text", "passive", "extended"),
    [
        ("227 Entering (192,0,2,1,35,41).", ("192.0.2.1", 9001), 0),
        ("227 Entering passive mode (2001:db8::1,207,35).", None, 0),
        ("227 Entering (192,0,2,256,35,41).", None, 0),
        ("200 Entering (192,0,2,1,35,41).", None, 0),
        ("229 Entering (|||9001|)", None, 9001),
        ("229 Entering (!!!9001!)", None, 9001),
        ("229 Entering (|2|2001:db8::1|9001|)", None, 0),
        ("229 Entering (|||99999|)", None, 0),
    ],
)
def test_the_forms_of_a_port(text: str, passive: tuple[str, int] | None, extended: int) -> None:
    """A reply to PASV has an IPv4 address and a port as six numbers, one to EPSV a port alone."""
    reply = Reply(int(text[:3]), text)
    assert (reply.passive, reply.extended) == (passive, extended)


def test_the_server_has_no_data_connections() -> None:
    """Everybody may log in; FEAT has several lines; a data port is refused; QUIT closes."""
    server = FtpServer()
    assert server.start() == b"220 ready\r\n"
    assert server.receive(b"user x\r\nPASS y\r\nFEAT\r\nEP").send.endswith(b"\r\n EPRT\r\n211 End\r\n")
    turn = server.receive(b"SV\r\nQUIT\r\nNOOP\r\n")
    assert (turn.send, turn.close) == (b"425 no data connection\r\n221 goodbye\r\n", True)
    assert server.end(OVER).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("sent", "outcome", "text"),
    [
        (b"", Outcome.SILENT, "the client sent nothing"),
        (b"USER x", Outcome.SILENT, "not complete"),
        (b"GET / HTTP/1.1\r\n", Outcome.WRONG, "'GET / HTTP/1.1"),
        (b"x" * 9000, Outcome.WRONG, "a line of more than 8 KiB"),
        (b"x" * 9000 + b"\r\nQUIT\r\n", Outcome.WRONG, "a line of more than 8 KiB"),
    ],
    ids=range(5),
)
def test_the_server_knows_what_it_did_not_understand(sent: bytes, outcome: Outcome, text: str) -> None:
    """What is no command of FTP is not understood, and a part of a line is no command."""
    server = FtpServer()
    if sent:
        server.receive(sent)
    judgement = server.end(OVER)
    assert judgement.outcome is outcome
    assert text in judgement.detail


ACTIVE = b"220 a\r\n331 b\r\n230 c\r\n"


def active(family: Family, command: str = "EPRT", host: str = "2001:db8::2") -> tuple[FtpActiveClient, bytes]:
    """Return a client in active mode that is logged in and waits at port 5001, and what it has sent."""
    client = FtpActiveClient(family, command)
    client.receives_at(host, 5001)
    client.start()
    return client, client.receive(ACTIVE).send


@pytest.mark.parametrize(
    ("family", "command", "host", "text"),
    [
        (Family.IPV6, "EPRT", "fe80::2%eth0", b"EPRT |2|fe80::2|5001|\r\n"),
        (Family.IPV4, "EPRT", "192.0.2.2", b"EPRT |1|192.0.2.2|5001|\r\n"),
        (Family.IPV4, "PORT", "192.0.2.2", b"PORT 192,0,2,2,19,137\r\n"),
        (Family.IPV6, "EPRT |3|x|1|", "::1", b"EPRT |3|x|1|\r\n"),
    ],
)
def test_a_client_names_its_own_port(family: Family, command: str, host: str, text: bytes) -> None:
    """EPRT has the number of the family, and PORT the bytes of an IPv4 address; a zone is not sent."""
    assert active(family, command, host)[1].endswith(text)


def test_the_listing_and_its_reply_come_in_any_order() -> None:
    """The exchange ends when both are there."""
    client, _ = active(Family.IPV6)
    assert client.receive(b"200 d\r\n").send == b"LIST\r\n"
    assert client.receive(b"150 e\r\n226 f\r\n").judgement is None
    judgement = client.arrived(b"motd", "2001:db8::1").judgement
    assert judgement is not None
    assert judgement.detail == "2001:db8::1 connected to [2001:db8::2]:5001 and sent 4 bytes"
    client, _ = active(Family.IPV6)
    client.receive(b"200 d\r\n150 e\r\n")
    assert client.arrived(b"", "2001:db8::1").judgement is None
    other = client.receive(b"226 f\r\n").judgement
    assert other is not None
    assert other.outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("replies", "text"),
    [
        (b"500 no\r\n", "EPRT |2|2001:db8::2|5001| was answered '500 no'"),
        (b"200 d\r\n425 no\r\n", "LIST was answered '425 no'"),
        (b"200 d\r\n150 e\r\n", "LIST was answered '150 e', and no connection came to [2001:db8::2]:5001: over"),
        (b"200 d\r\n", "LIST was not answered: over"),
    ],
    ids=range(4),
)
def test_what_is_refused_or_missing_is_wrong(replies: bytes, text: str) -> None:
    """The judgement says what the server did not do."""
    client, _ = active(Family.IPV6)
    judgement = client.receive(replies).judgement or client.end("over")
    assert (judgement.outcome, judgement.detail) == (Outcome.WRONG, text)
