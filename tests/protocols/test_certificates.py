"""Which names a certificate is for, and what the lab's authority issues."""

import ssl
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.protocols.certificates import is_for, names_in


@pytest.mark.parametrize(
    ("wanted", "names", "result"),
    [
        ("a.example", ["a.example"], True),
        ("A.Example.", ["a.example"], True),
        ("a.example", ["*.example"], True),
        ("a.b.example", ["*.example"], False),
        ("example", ["*.example"], False),
        ("a.example", ["a*.example"], False),
        ("a.example", [], False),
        ("192.0.2.1", ["192.0.2.1"], True),
        ("192.0.2.1", ["*.0.2.1"], False),
        ("2001:DB8:0:0::1", ["2001:db8::1"], True),
        ("::ffff:192.0.2.1", ["192.0.2.1"], False),
        ("192.0.2.1", ["::ffff:c000:201"], False),
    ],
)
def test_is_for(wanted: str, names: list[str], result: object) -> None:
    """A name is compared without case, a wildcard stands for one label, an address is compared as an address."""
    assert is_for(wanted, names) is result


def test_names_in() -> None:
    """Names and addresses are read from the subject alternative names; other kinds and the common name are ignored."""
    certificate = {
        "subject": ((("commonName", "cn.example"),),),
        "subjectAltName": (("DNS", "a.example"), ("IP Address", "2001:DB8:0:0:0:0:0:1"), ("email", "a@b.example")),
    }
    assert names_in(certificate) == ("a.example", "2001:db8::1")
    assert names_in({}) == ()


@given(st.ip_addresses())
def test_an_address_is_for_itself_in_any_form(address: IPv4Address | IPv6Address) -> None:
    """Every textual form of an address is compared as the same address."""
    assert is_for(address.exploded, names_in({"subjectAltName": (("IP Address", str(address).upper()),)}))


def test_openssl_agrees() -> None:
    """OpenSSL itself accepts the lab's certificate for the same names (by its own check of host names)."""
    from dualstack.authority import authority_certificate, issue  # noqa: PLC0415 - beside its use

    made = issue(["2001:db8::1", "192.0.2.1", "service.example", "::ffff:192.0.2.7"])
    for name in ("2001:db8::1", "192.0.2.1", "service.example", "::ffff:192.0.2.7", "192.0.2.7", "192.0.2.9"):
        assert handshake(name, made.certificate, made.key, authority_certificate()) is (name != "192.0.2.9"), name


def handshake(name: str, certificate: str, key: str, ca: str) -> bool:
    """Return whether Python's own client accepts a server's certificate for a name."""
    import tempfile  # noqa: PLC0415 - beside its use

    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(key + certificate)
        file.flush()
        server_context.load_cert_chain(file.name)
    client_context = ssl.create_default_context(cadata=ca)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return True
