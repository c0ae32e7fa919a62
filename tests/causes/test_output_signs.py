"""Failures in a program's output, as C, Go, Java, Node, Python, Ruby, Rust and Erlang write them."""

import pytest

from dualstack.complaint import why
from dualstack.facts import Sign, signs_of
from dualstack.facts.log import own_collision

LINES = [
    ("bind: Address already in use", Sign.IN_USE),
    ("listen tcp :80: bind: address already in use", Sign.IN_USE),
    ("Error: listen EADDRINUSE: address already in use :::80", Sign.IN_USE),
    ("OSError: [Errno 98] Address already in use", Sign.IN_USE),
    ('Os { code: 98, kind: AddrInUse, message: "Address in use" }', Sign.IN_USE),
    ("{error,eaddrinuse}", Sign.IN_USE),
    ("bind() to [::]:80 failed (98: Adresse wird bereits verwendet)", Sign.IN_USE),
    ("socket() [::]:80 failed (97: Address family not supported by protocol)", Sign.NO_FAMILY),
    ("java.net.SocketException: Protocol family unavailable", Sign.NO_FAMILY),
    ("Error: listen EAFNOSUPPORT: address family not supported ::", Sign.NO_FAMILY),
    ("cannot connect to 198.18.1.33: this host has no IPv4 address", Sign.NO_IPV4),
    ("IPv4 is unavailable", Sign.NO_IPV4),
    ("OSError: [Errno 99] Cannot assign requested address", Sign.NO_ADDRESS),
    ("java.net.BindException: Cannot assign requested address", Sign.NO_ADDRESS),
    ("Address not available (os error 99)", Sign.NO_ADDRESS),
    ("Protocol 'inet_tcp': register/listen error: enetunreach", Sign.NO_NETWORK),
    ("dial tcp 192.0.2.1:80: connect: network is unreachable", Sign.NO_NETWORK),
    ("java.net.NoRouteToHostException: No route to host", Sign.NO_HOST),
    ("connect ECONNREFUSED 127.0.0.1:3001", Sign.REFUSED),
    ("connect ECONNREFUSED 127.0.0.1:3001", Sign.LOOPBACK),
    ("dial tcp [::1]:80: connect: connection refused", Sign.LOOPBACK),
    ("accept4: too many open files", Sign.TOO_MANY_FILES),
    ("accept: Interrupted system call", Sign.INTERRUPTED),
    ("[Errno 107] Transport endpoint is not connected", Sign.NOT_CONNECTED),
    ("sendto: Message too long", Sign.TOO_LARGE),
    ("dial tcp: address 2001:db8::1:8080: too many colons in address", Sign.COLONS),
    ("register: address 2001:db8::1:80: more than one colon", Sign.COLONS),
    ("invalid literal for int() with base 10: 'db8::1]:80'", Sign.BAD_PORT),
    ('java.lang.NumberFormatException: For input string: "db8"', Sign.BAD_PORT),
    ("invalid port value", Sign.BAD_PORT),
    ("invalid socket address syntax", Sign.BAD_ADDRESS),
    ("TypeError [ERR_INVALID_URL]: Invalid URL", Sign.BAD_ADDRESS),
    ("Error: Invalid domain: [2001", Sign.BAD_ADDRESS),
    ("malformed hostname: [2001", Sign.BAD_ADDRESS),
    ("invalid authority", Sign.BAD_ADDRESS),
    ("bad URI(is not URI?): http://2001:db8::1/", Sign.BAD_ADDRESS),
    ("illegal IP address string passed to inet_aton", Sign.NOT_IPV4),
    ("'::1' is not a valid IPv4 address", Sign.NOT_IPV4),
    ("socket.gaierror: [Errno -2] Name or service not known", Sign.NOT_FOUND),
    ("dial tcp: lookup shop.test: no such host", Sign.NOT_FOUND),
    ("getaddrinfo ENOTFOUND shop.test", Sign.NOT_FOUND),
    ("java.net.UnknownHostException: shop.test", Sign.NOT_FOUND),
    ("failed to lookup address information: Name does not resolve", Sign.NOT_FOUND),
    ("[Errno -9] Address family for hostname not supported", Sign.ONE_FAMILY_ASKED),
    ("console: connect 2001:db8::1: Operation now in progress", Sign.IN_PROGRESS),
    ("ValueError: too many values to unpack (expected 2)", Sign.UNPACKED),
    ("java.net.SocketException: Protocol family not supported", Sign.NO_FAMILY),
    ("An address incompatible with the requested protocol was used", Sign.NO_FAMILY),
    ("java.nio.channels.UnresolvedAddressException", Sign.NOT_FOUND),
    ("IO::Socket::INET: Bad hostname '2001:db8::1'", Sign.NOT_FOUND),
    ("nc: forward host lookup failed for 2001:db8::1", Sign.NOT_FOUND),
    ("java.net.SocketTimeoutException: Read timed out", Sign.TIMED_OUT),
    ("ConnectTimeoutError: Connect Timeout Error", Sign.TIMED_OUT),
    ("dial tcp 192.0.2.1:80: context deadline exceeded", Sign.TIMED_OUT),
    ("TypeError: Cannot read properties of undefined (reading 'startsWith')", Sign.UNDEFINED),
    ("panic: runtime error: invalid memory address or nil pointer dereference", Sign.UNDEFINED),
    ("System.FormatException: Input string was not in a correct format.", Sign.BAD_PORT),
    ("Bad arg length for Socket::unpack_sockaddr_in, length is 28, should be 16 at d.pl line 18.", Sign.OTHER_LENGTH),
    ("Bad address family for Socket::unpack_sockaddr_in, got 10, should be 2", Sign.OTHER_LENGTH),
    ("OSError: packed IP wrong length for inet_ntoa", Sign.OTHER_LENGTH),
    ("ValueError: invalid length of packed IP address string", Sign.OTHER_LENGTH),
    ("java.net.UnknownHostException: addr is of illegal length", Sign.OTHER_LENGTH),
    ("not an AF_INET sockaddr (ArgumentError)", Sign.OTHER_LENGTH),
    ("struct.error: unpack requires a buffer of 4 bytes", Sign.OTHER_LENGTH),
    ("client ::ffff:192.0.2.1 denied", Sign.MAPPED),
    ("client ::ffff:192.0.2.1 denied", Sign.NOT_ALLOWED),
    ("this build has no IPv6 support", Sign.NO_IPV6),
    (
        "certificate verify failed: Hostname mismatch, certificate is not valid for '[::1]'. (_ssl.c:992)",
        Sign.CERTIFICATE,
    ),
    ("x509: certificate is valid for 192.0.2.1, not 2001:db8::1", Sign.CERTIFICATE),
    ("x509: cannot validate certificate for ::1 because it doesn't contain any IP SANs", Sign.CERTIFICATE),
    ("Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames", Sign.CERTIFICATE),
    ("No subject alternative names matching IP address 2001:db8::1 found", Sign.CERTIFICATE),
    ("SSL: no alternative certificate subject name matches target host name '::1'", Sign.CERTIFICATE),
    ("invalid peer certificate: NotValidForName", Sign.CERTIFICATE),
]


@pytest.mark.parametrize(("line", "sign"), LINES)
def test_a_complaint_is_known(line: str, sign: Sign) -> None:
    """The line is found among others, and kept with its sign."""
    assert dict(signs_of(f"starting\n{line}\nready\n"))[sign] == " ".join(line.split())


def test_an_address_that_is_a_wildcard_is_no_bad_address() -> None:
    """An error about an address family, with EINVAL beside it, says nothing of the text of an address."""
    line = "cannot listen on ::: Address family for hostname not supported (Invalid argument)"
    assert Sign.BAD_ADDRESS not in dict(signs_of(line))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ready",
        "listening on [::]:8080",
        "listening on 127.0.0.1:8080",
        "exited with code 4",
        "worker 98 started (98)",
        "served 97 clients",
        "GET / HTTP/1.1 200",
        "2026-11-28 01:02:03 started",
        "client 2001:db8::1 port 50111",
        "Accepted publickey for root from UNKNOWN port 65535 ssh2: ED25519",
    ],
)
def test_an_ordinary_line_is_no_complaint(text: str) -> None:
    """Lines that report no failure have no sign."""
    assert signs_of(text) == ()


def test_a_port_in_use_in_a_lab_is_explained() -> None:
    """Where nothing else has a port, an error that it is in use is explained by the program's own sockets."""
    assert "its own sockets collide" in own_collision("OSError: [Errno 98] Address already in use")
    assert own_collision("no licence file") == ""


USAGE = """ERROR: no address to listen on
Usage: server [options]
 -p, --port <port>       the port; must be free, or it is refused
 --no-dynamic-list       Do not use dynamic allowed/denied peers.
 --secret <text>         The secret.
                         The dollar signs must be escaped.

bind: Address already in use
"""


def test_a_usage_text_reports_nothing() -> None:
    """The descriptions of options are no failures that a service reports; what is before and after them counts."""
    assert [sign for sign, _ in signs_of(USAGE)] == [Sign.IN_USE]
    assert not [line for line in why(USAGE) if "dollar" in line or line.startswith("-")]
    assert why("--color is unknown\n") == ("--color is unknown",)


def test_a_protocol_is_no_address_family() -> None:
    """EPROTONOSUPPORT, as of SCTP sockets, does not say that a family is missing."""
    assert Sign.NO_FAMILY not in dict(signs_of("socket: Protocol not supported"))


def test_a_long_line_is_kept_where_it_says_so() -> None:
    """A long line is cut so that the part with the failure remains."""
    ((sign, line),) = signs_of("x" * 500 + " EADDRINUSE")
    assert (sign, line) == (Sign.IN_USE, "EADDRINUSE")


@pytest.mark.parametrize(
    "line",
    [
        '  File "/srv/client.py", line 136, in gethostbyname_client',
        '  |   File "/srv/client.py", line 136, in gethostbyname_client',
        "\tat java.base/java.net.Inet6AddressImpl.getaddrinfo(Inet6AddressImpl.java:52)",
        "    at GetAddrInfoReqWrap.onlookup [as oncomplete] (node:dns:120:26) {",
        "  12: std::sys::net::getaddrinfo",
        "#0 /srv/client.php(3): gethostbyname('shop.test')",
    ],
)
def test_a_stack_frame_says_nothing(line: str) -> None:
    """The name of a function on the stack is no failure: a client that calls gethostbyname() may have an address."""
    assert signs_of(f"Error: connection refused\n{line}") == ((Sign.REFUSED, "Error: connection refused"),)


@pytest.mark.parametrize(
    "lines",
    [
        "  errorCodes: [\n    'ETIMEDOUT',    'ECONNRESET',\n    'EADDRINUSE',   'ENETUNREACH'\n  ],",
        "  errorCodes: [\n    'EADDRINUSE',\n    'EAI_AGAIN'\n  ],",
        "  errorCodes: [ 'EADDRINUSE', 'EPIPE' ],",
        '"retry_on": ["EPIPE", "EADDRINUSE"]',
    ],
)
def test_a_list_of_names_of_errors_says_nothing(lines: str) -> None:
    """The options of a client, which Node shows beside an error, name errors that have not happened."""
    output = f"RequestError: connect failed\n{{\n  code: 'ECONNREFUSED',\n{lines}\n}}"
    assert signs_of(output) == ((Sign.REFUSED, "code: 'ECONNREFUSED',"),)


def test_the_line_of_a_program_below_a_frame_says_nothing() -> None:
    """Python shows the source beside each frame: only the exception below is a failure."""
    frame = '  File "/srv/client.py", line 136, in <module>\n    socket.gethostbyname(name)'
    output = f"Traceback (most recent call last):\n{frame}\nOSError: Connection refused"
    assert signs_of(output) == ((Sign.REFUSED, "OSError: Connection refused"),)


def test_messages_that_look_like_frames_are_kept() -> None:
    """A chain of causes with numbers, and a line that begins with "at", are messages."""
    chain = "Caused by:\n    0: tcp connect error\n    1: Connection refused (os error 111)"
    assert signs_of(chain) == ((Sign.REFUSED, "1: Connection refused (os error 111)"),)
    assert dict(signs_of("at 192.0.2.1: broken pipe")) == {Sign.PIPE: "at 192.0.2.1: broken pipe"}
