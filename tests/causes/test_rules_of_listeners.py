"""Which causes the facts of a listener's clients support, and which they rule out."""

from dataclasses import replace

import pytest

from dualstack.causes import likely
from dualstack.causes.ranking import contradiction
from dualstack.facts import Facts, FamilyFacts, Host, How, Start
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.protocols.certificates import TlsFault
from dualstack.suites import requirements
from tests.causes.made import (
    CLIENT,
    DIED,
    DUAL,
    HUNG_UP,
    IGNORED,
    IN_USE,
    IPV4,
    IPV6,
    NO_IPV4,
    NO_IPV6,
    OK,
    ONLY,
    REFUSED,
    STARTED,
    ZERO,
    facts,
    first,
    held,
    row,
    saw,
)

ENDED = Start(ready=True, ended="exited with code 1", code=1)


def side_ports(*missed: Family) -> Facts:
    """Return the facts of a server of FTP whose data ports are not reached over these families."""
    broken = [
        Finding(
            False, f"an {family.label} client reaches the data port", "it was refused", symptoms=(Symptom.SIDE_PORT,)
        )
        for family in missed
    ]
    return facts(requirement="META-005", broken=tuple(broken))


CASES = {
    "a mapped client is turned away": (
        "RC-ACLTEXT",
        facts(HUNG_UP, OK, DUAL, output="::ffff:198.51.100.33 is not allowed"),
    ),
    "a mapped client is hung up on": ("RC-MAPPED", facts(HUNG_UP, OK, DUAL)),
    "a mapped client whose PROXY header may be wrong is hung up on": (
        "RC-PROXYHDR",
        facts(HUNG_UP, OK, DUAL, introduces=True),
    ),
    "an IPv4 client gets words instead of its own bytes": (
        "RC-MAPPED",
        facts(How.WRONG, FamilyFacts(IPV6), DUAL, exchanges=(held(IPV4, How.WRONG, answer="no entry\r\n"),)),
    ),
    "an IPv6 client is hung up on": ("RC-ERRORANSWER", facts(OK, HUNG_UP, ZERO, ONLY)),
    "an error in the handler": (
        "RC-SOCKADDR",
        facts(OK, HUNG_UP, ZERO, ONLY, output="ValueError: too many values to unpack (expected 2)"),
    ),
    "an address of another length in the handler": (
        "RC-SOCKADDR",
        facts(OK, HUNG_UP, ZERO, ONLY, output="OSError: packed IP wrong length for inet_ntoa"),
    ),
    "an address of another length ends the process, and later clients are refused": (
        "RC-SOCKADDR",
        facts(
            REFUSED,
            How.RESET,
            ZERO,
            ONLY,
            output="Bad arg length for Socket::unpack_sockaddr_in, length is 28, should be 16",
            starts=(Start(ready=True, ended="exited with code 255", code=255),),
        ),
    ),
    "every address is too long for inet_ntop()": (
        "RC-SOCKADDR",
        facts(
            FamilyFacts(IPV4),
            requirement="INTEROP-002",
            host=NO_IPV4,
            shown=((CLIENT[IPV6], "(null)"),),
            broken=(Finding(False, "the service shows its client's address", 'it shows "(null)"'),),
        ),
    ),
    "an address of another length ends the process": (
        "RC-SOCKADDR",
        facts(
            OK,
            How.RESET,
            ZERO,
            ONLY,
            output="Bad arg length for Socket::unpack_sockaddr_in, length is 28, should be 16",
            starts=(Start(ready=True, ended="exited with code 255", code=255),),
        ),
    ),
    "a parser for IPv4 in the handler": (
        "RC-INETATON",
        facts(OK, HUNG_UP, ZERO, ONLY, output="OSError: illegal IP address string passed to inet_aton"),
    ),
    "HTTP 500 over IPv6": (
        "RC-ERRORANSWER",
        facts(OK, How.WRONG, ZERO, ONLY, exchanges=(held(IPV6, How.WRONG, answer="HTTP/1.1 500 Oops\r\n\r\n"),)),
    ),
    "a certificate for another name": (
        "RC-TLSNAME",
        facts(OK, How.WRONG, DUAL, exchanges=(held(IPV6, How.WRONG, tls=TlsFault.OTHER_NAME),)),
    ),
    "no TLS on a host with one family": (
        "RC-TLSMISSING",
        facts(FamilyFacts(IPV4), How.WRONG, ONLY, exchanges=(held(IPV6, How.WRONG, tls=TlsFault.PLAIN),)),
    ),
    "no TLS over one family": (
        "RC-TLSMISSING",
        facts(OK, How.WRONG, ZERO, ONLY, exchanges=(held(IPV6, How.WRONG, tls=TlsFault.PLAIN),)),
    ),
    "a gateway's error": (
        "RC-LOCALHOSTBACKEND",
        facts(
            How.WRONG,
            How.WRONG,
            DUAL,
            exchanges=(held(IPV4, How.WRONG, answer="HTTP/1.1 504 Gateway Timeout\r\n\r\n"),),
            output="Error occurred while proxying to http://localhost:3001/ [ECONNREFUSED]",
        ),
    ),
    "half of a body": (
        "RC-CUTSHORT",
        facts(OK, How.WRONG, ZERO, ONLY, exchanges=(held(IPV6, How.WRONG, missing=5000),)),
    ),
    "::1 is refused": (
        "RC-BINDTODEVICE",
        facts(
            OK,
            saw(IPV6, REFUSED),
            ZERO,
            ONLY,
            exchanges=(held(IPV6, OK), held(IPV6, REFUSED, address="::1", inside=True)),
        ),
    ),
    "link-local clients are dropped": (
        "RC-SCOPEDPEER",
        facts(OK, OK, ZERO, ONLY, exchanges=(held(IPV6, OK), held(IPV6, HUNG_UP, address="fe80::1%eth0"))),
    ),
    "hop limit exceeded": (
        "RC-HOPLIMIT",
        facts(OK, saw(IPV6, IGNORED, expired="ICMPv6 hop limit exceeded"), ZERO, ONLY),
    ),
    "one connection per network": (
        "RC-PERPREFIX",
        facts(
            saw(IPV4, OK, 200),
            FamilyFacts(IPV6, False, ((OK, 3), (HUNG_UP, 197)), hung_up_beside=197),
            ZERO,
            ONLY,
            requirement="ROBUST-005",
        ),
    ),
    "one connection per address": (
        "RC-SHAREDADDRESS",
        facts(
            FamilyFacts(IPV4, False, ((OK, 3), (HUNG_UP, 197)), hung_up_beside=197),
            saw(IPV6, OK, 200),
            ZERO,
            ONLY,
            requirement="ROBUST-005",
        ),
    ),
    "clients wait": (
        "RC-BLOCKING",
        facts(saw(IPV4, OK, 200), saw(IPV6, How.KEPT_WAITING, 200), ZERO, ONLY, requirement="ROBUST-005"),
    ),
    "too many open files": (
        "RC-LEAK",
        facts(OK, How.KEPT_WAITING, ZERO, ONLY, requirement="ROBUST-005", output="accept: Too many open files"),
    ),
    "SIGPIPE": (
        "RC-SIGPIPE",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            starts=(Start(ready=True, ended="was ended by SIGPIPE", signal="SIGPIPE"),),
        ),
    ),
    "ENOTCONN": (
        "RC-EINTR",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            starts=(replace(DIED, ready=True),),
            output="OSError: [Errno 107] Transport endpoint is not connected",
        ),
    ),
    "the port is busy after a restart": (
        "RC-REUSEADDR",
        facts(OK, OK, DUAL, requirement="LIFE-002", starts=(STARTED, DIED), output=IN_USE, table=()),
    ),
    "a child still listens": (
        "RC-INHERIT",
        facts(OK, OK, DUAL, requirement="LIFE-002", starts=(STARTED, DIED), output=IN_USE),
    ),
    "a client's address is cut at a colon": (
        "RC-SPLIT",
        facts(OK, OK, DUAL, requirement="INTEROP-002", shown=((CLIENT[IPV6], "[2001"),)),
    ),
    "a client's address in gRPC's peer string is cut at a colon": (
        "RC-SPLIT",
        facts(OK, OK, DUAL, requirement="INTEROP-002", shown=((CLIENT[IPV6], "%5B2001"),)),
    ),
    "a client's address is cut after 15 characters": (
        "RC-SOCKADDR",
        facts(OK, OK, DUAL, requirement="INTEROP-002", shown=((CLIENT[IPV6], CLIENT[IPV6][:15]),)),
    ),
    "two addresses are cut after 15 characters, after an IPv4 client": (
        "RC-SOCKADDR",
        facts(
            OK,
            OK,
            DUAL,
            requirement="INTEROP-002",
            exchanges=(held(IPV4, OK), held(IPV6, OK)),
            shown=((CLIENT[IPV6], "2001:db8:51:1::"), ("2001:db8:51:1:aaaa:bbbb:cccc:202", "2001:db8:51:1:a")),
        ),
    ),
    "an IPv6 client after an IPv4 one": (
        "RC-ADDRLEN",
        facts(
            OK,
            OK,
            DUAL,
            requirement="INTEROP-002",
            exchanges=(held(IPV4, OK), held(IPV6, OK)),
            shown=((CLIENT[IPV6], "2001:db8:51:1::"),),
        ),
    ),
    "every IPv6 client is cut": (
        "RC-SOCKADDR",
        facts(
            OK,
            OK,
            DUAL,
            requirement="INTEROP-002",
            exchanges=(held(IPV6, OK),),
            shown=((CLIENT[IPV6], "2001:db8:51:1::"),),
        ),
    ),
    "a mapped client, on an IPv4-only host": (
        "RC-MAPPED",
        facts(HUNG_UP, FamilyFacts(IPV6), DUAL, requirement="LISTEN-003", host=NO_IPV6),
    ),
    "a hop limit of 1": (
        "RC-HOPLIMIT",
        facts(
            saw(IPV4, OK, hop_limit=64),
            saw(IPV6, IGNORED, hop_limit=1),
            ZERO,
            ONLY,
            requirement="LISTEN-016",
            host=Host(routed=True),
        ),
    ),
    "past the router": (
        "RC-DONTROUTE",
        facts(
            saw(IPV4, OK, hop_limit=64),
            saw(IPV6, OK, hop_limit=64),
            ZERO,
            ONLY,
            requirement="LISTEN-016",
            host=Host(routed=True),
            broken=(
                Finding(
                    False,
                    "each packet is sent to the router",
                    "3 of 3 were sent past the router",
                    symptoms=(Symptom.BYPASSED_ROUTER,),
                ),
            ),
        ),
    ),
    "an answer that is cut short": (
        "RC-CUTSHORT",
        facts(
            OK,
            How.WRONG,
            ZERO,
            ONLY,
            broken=(Finding(False, "an IPv6 client is answered", "the answer 200 is cut short: 5 of the 9 bytes"),),
        ),
    ),
    "a sender of a line is dropped": (
        "RC-ADDRTEXT",
        facts(
            OK,
            IGNORED,
            row("0.0.0.0", transport="udp"),
            row("::", transport="udp", v6only=True),
            requirement="LISTEN-012",
            transport="udp",
            protocol="oneway",
        ),
    ),
    "some addresses are not served": (
        "RC-ADDRTEXT",
        facts(
            requirement="INTEROP-007",
            exchanges=(held(IPV6, OK), held(IPV6, HUNG_UP, source="2001:db8:51:1:1000::")),
            broken=(Finding(False, "a client at 2001:db8:51:1:1000:: is answered", "no answer"),),
        ),
    ),
    "one client gets another's answers": (
        "RC-CLIENTKEY",
        facts(
            requirement="INTEROP-007",
            broken=(
                Finding(
                    False,
                    "clients that come from one port are all answered",
                    "one was not",
                    symptoms=(Symptom.OTHERS_ANSWERS,),
                ),
            ),
        ),
    ),
    "an unusual client gets an error status": (
        "RC-ADDRTEXT",
        facts(
            requirement="INTEROP-007",
            exchanges=(
                held(IPV4, OK, answer="HTTP/1.1 200 OK\r\n\r\n"),
                held(IPV6, OK, answer="HTTP/1.1 200 OK\r\n\r\n"),
                held(IPV6, OK, answer="HTTP/1.1 403 No\r\n\r\n", source="2001:db8:51:1:1000::"),
            ),
            broken=(Finding(False, "a client at 2001:db8:51:1:1000:: is answered", "the status is 403, twice"),),
        ),
    ),
    "connections wait on its socket, on an IPv6-only host": (
        "RC-BLOCKING",
        facts(
            FamilyFacts(IPV4),
            How.KEPT_WAITING,
            ZERO,
            replace(ONLY, waiting=3),
            requirement="LISTEN-002",
            host=NO_IPV4,
            exchanges=(held(IPV6, How.KEPT_WAITING),),
            starts=(STARTED,),
        ),
    ),
    "long addresses are not shown": (
        "RC-SOCKADDR",
        facts(
            requirement="INTEROP-002",
            shown=((CLIENT[IPV4], CLIENT[IPV4]), ("2001:db8:51:1:aaaa:bbbb:cccc:202", "(null)")),
            broken=(Finding(False, "the service shows its client's address", 'it shows "(null)"'),),
        ),
    ),
    "a data port is not reached over IPv6": ("RC-SIDECHANNEL", side_ports(IPV6)),
    "a client's address is cut after 31 characters": (
        "RC-SOCKADDR",
        facts(
            requirement="INTEROP-002",
            shown=(("2001:db8:51:1:aaaa:bbbb:cccc:202", "2001:db8:51:1:aaaa:bbbb:cccc:20"),),
            broken=(Finding(False, "the service shows its client's address", "it shows another"),),
        ),
    ),
    "a reset ends the process of one family": (
        "RC-SIGPIPE",
        facts(
            OK,
            REFUSED,
            ZERO,
            ONLY,
            requirement="ROBUST-003",
            table=(ZERO,),
            exchanges=(held(IPV4, OK), held(IPV6, OK), held(IPV4, OK), held(IPV6, REFUSED)),
        ),
    ),
    "a reset ends the process and the output names it": (
        "RC-CLIENTRESET",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            output="ConnectionResetError: [Errno 104] Connection reset by peer",
            starts=(Start(ready=True, ended="exited with code 1", code=1),),
            exchanges=(held(IPV4, OK), held(IPV6, OK), held(IPV4, REFUSED), held(IPV6, REFUSED)),
        ),
    ),
    "a reset ends the process, and a write to the connection fails first": (
        "RC-SIGPIPE",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            output="read ECONNRESET\nError: write EPIPE",
            starts=(Start(ready=True, ended="exited with code 1", code=1),),
        ),
    ),
    "a reset ends the process while IPv4 clients are connected": (
        "RC-CLIENTRESET",
        facts(
            FamilyFacts(IPV4, False, ((REFUSED, 100), (How.RESET, 2), (OK, 1)), hung_up_beside=2),
            FamilyFacts(IPV6, False, ((REFUSED, 100), (How.RESET, 1), (OK, 1))),
            DUAL,
            requirement="ROBUST-003",
            output="Error: read ECONNRESET",
            starts=(Start(ready=True, ended="exited with code 1", code=1),),
        ),
    ),
    "a reset ends the process of one family, and the output names it": (
        "RC-CLIENTRESET",
        facts(
            OK,
            REFUSED,
            ZERO,
            ONLY,
            requirement="ROBUST-003",
            table=(ZERO,),
            output="Error: read ECONNRESET",
            exchanges=(held(IPV4, OK), held(IPV6, OK), held(IPV4, OK), held(IPV6, REFUSED)),
        ),
    ),
    "both families on loopback addresses": (
        "RC-ONEADDRESS",
        facts(REFUSED, REFUSED, row("127.0.0.1"), row("::1"), exchanges=(held(IPV4, REFUSED), held(IPV6, REFUSED))),
    ),
    "IPv6 only on ::1": (
        "RC-ONEADDRESS",
        facts(OK, REFUSED, ZERO, row("::1"), exchanges=(held(IPV4, OK), held(IPV6, REFUSED))),
    ),
    "IPv4 only on 127.0.0.1": (
        "RC-ONEADDRESS",
        facts(REFUSED, OK, row("127.0.0.1"), ONLY, exchanges=(held(IPV4, REFUSED), held(IPV6, OK))),
    ),
    "another client's answer over IPv4 is no mapped address": (
        "RC-UDPERROR",
        facts(
            saw(IPV4, How.WRONG),
            OK,
            row("::", transport="udp", v6only=False),
            transport="udp",
            requirement="UDP-007",
            exchanges=(held(IPV4, OK), held(IPV6, OK), held(IPV4, How.WRONG)),
        ),
    ),
    "a reset ends the process without a word about it": (
        "RC-SIGPIPE",
        facts(
            REFUSED,
            REFUSED,
            DUAL,
            requirement="ROBUST-003",
            output="TypeError: Invalid URL",
            starts=(Start(ready=True, ended="exited with code 1", code=1),),
            exchanges=(held(IPV4, OK), held(IPV6, OK), held(IPV4, REFUSED), held(IPV6, REFUSED)),
        ),
    ),
    "another reply code over IPv6": (
        "RC-ERRORANSWER",
        facts(
            OK,
            replace(saw(IPV6, OK), works=False),
            DUAL,
            protocol="exchange",
            exchanges=(held(IPV4, OK, answer="220 mail.test\r\n"), held(IPV6, OK, answer="554 go away\r\n")),
        ),
    ),
    "the queue for IPv6 connections is short": (
        "RC-BACKLOG",
        facts(
            OK,
            saw(IPV6, How.KEPT_WAITING, 28),
            ZERO,
            replace(ONLY, backlog=0),
            requirement="ROBUST-005",
        ),
    ),
    "the queue is long, and IPv6 clients wait": (
        "RC-BLOCKING",
        facts(
            OK,
            saw(IPV6, How.KEPT_WAITING, 28),
            ZERO,
            replace(ONLY, backlog=128),
            requirement="ROBUST-005",
        ),
    ),
    "a socket from which nothing is accepted": (
        "RC-BLOCKING",
        facts(OK, How.KEPT_WAITING, ZERO, ONLY, exchanges=(held(IPV4, OK), held(IPV6, How.KEPT_WAITING))),
    ),
    "an IPv6 client is 0.0.0.0": (
        "RC-SOCKADDR",
        facts(OK, OK, DUAL, requirement="INTEROP-002", shown=((CLIENT[IPV6], "0.0.0.0"),)),
    ),
    "refused clients were not waiting for a name": ("RC-V6ONLY", facts(REFUSED, OK, ONLY, reverse=True)),
    "silent clients block others that were served before": (
        "RC-BLOCKING",
        facts(
            How.KEPT_WAITING,
            How.KEPT_WAITING,
            DUAL,
            requirement="ROBUST-006",
            reverse=True,
            exchanges=(held(IPV4, OK), held(IPV6, OK), held(IPV4, How.KEPT_WAITING), held(IPV6, How.KEPT_WAITING)),
        ),
    ),
    "clients of the families are accepted in turns": (
        "RC-BLOCKING",
        facts(
            saw(IPV4, How.KEPT_WAITING, 1),
            OK,
            ZERO,
            ONLY,
            exchanges=(held(IPV4, OK), held(IPV4, How.KEPT_WAITING), held(IPV6, OK)),
        ),
    ),
    "a half-close ends the connection of one family": (
        "RC-HALFCLOSE",
        facts(OK, HUNG_UP, ZERO, ONLY, requirement="ROBUST-001", exchanges=(held(IPV6, OK), held(IPV6, HUNG_UP))),
    ),
    "a client ends the service": (
        "RC-ERRORANSWER",
        facts(
            OK,
            saw(IPV6, REFUSED),
            DUAL,
            starts=(ENDED, ENDED),
            exchanges=(held(IPV4, OK), held(IPV6, HUNG_UP), held(IPV6, REFUSED), held(IPV6, HUNG_UP, start=2)),
        ),
    ),
    "the first clients wait, and a later one of their family is answered": (
        "RC-EARLYLISTEN",
        facts(
            FamilyFacts(IPV4, works=False, hows=((How.KEPT_WAITING, 1), (OK, 1))),
            OK,
            DUAL,
            exchanges=(held(IPV4, How.KEPT_WAITING), held(IPV6, OK), held(IPV4, OK)),
        ),
    ),
    "a mapped client waits before and after another one is answered": (
        "RC-MAPPED",
        facts(
            How.KEPT_WAITING,
            OK,
            DUAL,
            exchanges=(held(IPV4, How.KEPT_WAITING), held(IPV6, OK), held(IPV4, How.KEPT_WAITING)),
        ),
    ),
    "connections of a mapped client are not accepted": (
        "RC-BLOCKING",
        facts(
            How.KEPT_WAITING,
            OK,
            replace(DUAL, waiting=1),
            exchanges=(held(IPV4, How.KEPT_WAITING), held(IPV6, OK), held(IPV4, How.KEPT_WAITING)),
        ),
    ),
    "a rule hits another client": (
        "RC-ACLPREFIX",
        facts(
            requirement="SEC-001",
            misjudged=((CLIENT[IPV6], "deny 2001:db8:51:1::9"),),
            broken=(Finding(False, "it is served", "no"),),
        ),
    ),
    "a rule hits a client whose address begins like that of the rule": (
        "RC-ACLTEXT",
        facts(
            requirement="SEC-001",
            misjudged=(("2001:db8:51:1::251", "deny 2001:db8:51:1::25"), ("198.51.100.25", "allow 198.51.100.251")),
            broken=(Finding(False, "it is served", "no"), Finding(False, "it is denied", "no")),
        ),
    ),
    "a rule hits a client outside its network, whose address begins like that of the network": (
        "RC-ACLPREFIX",
        facts(
            requirement="SEC-001",
            misjudged=((CLIENT[IPV6], "deny 2001:db8:51:1::/120"), (CLIENT[IPV6], "allow 2001:db8:51:1::/120")),
            broken=(Finding(False, "it is served", "no"), Finding(False, "it is served", "no")),
        ),
    ),
    "a rule with the length of an address misses its client in another form": (
        "RC-ACLTEXT",
        facts(
            requirement="SEC-001",
            misjudged=((CLIENT[IPV6], "deny 2001:DB8:51:1::201/128"),),
            broken=(Finding(False, "it is denied", "no"),),
        ),
    ),
    "an IPv6 client is shown from a colon on": (
        "RC-SPLIT",
        facts(OK, OK, DUAL, requirement="INTEROP-002", shown=((CLIENT[IPV6], CLIENT[IPV6].rpartition(":")[2]),)),
    ),
    "a redirect is to an address up to its first colon": (
        "RC-SPLIT",
        facts(
            OK,
            OK,
            DUAL,
            requirement="META-008",
            broken=(Finding(False, "Location names a host", "'[2001:8080'", symptoms=(Symptom.CUT_AT_COLON,)),),
        ),
    ),
    "a Host with an IPv6 address is refused, where there is no IPv4": (
        "RC-ERRORANSWER",
        facts(
            FamilyFacts(IPV4),
            OK,
            DUAL,
            requirement="META-008",
            host=NO_IPV4,
            exchanges=(held(IPV6, OK, answer="HTTP/1.1 400 Bad Request"), held(IPV6, OK, answer="HTTP/1.1 200 OK")),
            broken=(Finding(False, "it is accepted", "it has status 400", symptoms=(Symptom.LITERAL_REFUSED,)),),
        ),
    ),
    "a bulk answer of one family is cut short on the link": (
        "RC-CUTSHORT",
        facts(
            requirement="TRANS-006",
            broken=(
                Finding(
                    False,
                    "200000 bytes over IPv6 arrive on the link, as over IPv4",
                    "the answer 'HTTP/1.1 200 OK' is cut short: 77069 of the 400001 bytes of its body came",
                    symptoms=(Symptom.SHORT_ON_LINK,),
                ),
            ),
        ),
    ),
    "a rule in another form misses its client": (
        "RC-ACLTEXT",
        facts(
            requirement="SEC-001",
            misjudged=((CLIENT[IPV6], "deny 2001:DB8:51:1::201"),),
            broken=(Finding(False, "it is denied", "no"),),
        ),
    ),
    "only redirects bypass the filter": (
        "RC-REDIRECT",
        facts(
            requirement="SEC-006",
            broken=(
                Finding(
                    False,
                    "redirected (302) by an allowed server to ::1, nothing",
                    "it was connected to",
                    symptoms=(Symptom.REDIRECT,),
                ),
            ),
        ),
    ),
    "another form bypasses the filter": (
        "RC-SSRF",
        facts(requirement="SEC-006", broken=(Finding(False, "for http://[::]/ nothing", "it was connected to"),)),
    ),
    "an address is handed out that its client cannot use": (
        "RC-ADVERTISED",
        facts(
            requirement="META-001",
            broken=(Finding(False, "a client can use ::", "it cannot", symptoms=(Symptom.UNUSABLE_ADDRESS,)),),
        ),
    ),
    "an answer has the mapped form of its client's address": (
        "RC-MAPPED",
        facts(
            requirement="META-006",
            broken=(Finding(False, "received is 192.0.2.1", "::ffff:192.0.2.1", symptoms=(Symptom.MAPPED_ADDRESS,)),),
        ),
    ),
    "IPv6 clients cannot name a data port": (
        "RC-SIDECHANNEL",
        facts(requirement="META-010", broken=(Finding(False, "after EPRT the server connects", "500 unknown"),)),
    ),
    "it ends with an error when it is stopped": (
        "RC-STOPSTATUS",
        facts(
            requirement="LIFE-007",
            broken=(Finding(False, "it ends with code 0", "it exited with code 1", symptoms=(Symptom.UNCLEAN_END,)),),
        ),
    ),
    "a half-closed client gets a part": (
        "RC-HALFCLOSE",
        facts(
            OK,
            OK,
            ZERO,
            ONLY,
            requirement="ROBUST-001",
            broken=(Finding(False, "an IPv4 client is answered", "only 192 of 250 bytes came back"),),
        ),
    ),
    "PASV is answered over IPv6": (
        "RC-PASVIPV6",
        facts(
            requirement="META-005",
            broken=(Finding(False, "PASV is refused", "it is answered 227", symptoms=(Symptom.PASV_OVER_IPV6,)),),
        ),
    ),
    "another network protocol is a wrong parameter": (
        "RC-VAGUEREFUSAL",
        facts(requirement="META-011", broken=(Finding(False, "EPRT is refused with 522", "501 wrong"),)),
    ),
    "a field returns the first bytes of an address": (
        "RC-U32",
        facts(
            requirement="META-007",
            broken=(Finding(False, "it returns 2001:db8::1", "32.1.13.184", symptoms=(Symptom.CUT_ADDRESS,)),),
        ),
    ),
    "a redirect has no brackets": (
        "RC-BRACKET",
        facts(
            requirement="META-008",
            broken=(Finding(False, "Location has its form", "'::1:80'", symptoms=(Symptom.NO_BRACKETS,)),),
        ),
    ),
    "names of clients are asked for": (
        "RC-REVERSELOOKUP",
        facts(reverse=True, requirement="ROBUST-009"),
    ),
    "an IPv4 client is 0.0.0.0": (
        "RC-SOCKADDR",
        facts(OK, OK, DUAL, requirement="INTEROP-001", shown=((CLIENT[IPV4], "0.0.0.0"),)),
    ),
}


def test_a_service_that_answers_again_was_not_ended_by_an_error() -> None:
    """A wrong answer between right ones does not mean that a datagram ended the service."""
    wrong = (held(IPV4, OK), held(IPV4, How.WRONG), held(IPV4, OK))
    case = {"transport": "udp", "requirement": "UDP-007"}
    assert first(facts(saw(IPV4, How.WRONG), OK, exchanges=wrong, **case)) == ""
    assert first(facts(saw(IPV4, How.IGNORED), OK, exchanges=(*wrong, held(IPV4, IGNORED)), **case)) == "RC-UDPERROR"


@pytest.mark.parametrize(("code", "found"), CASES.values(), ids=CASES)
def test_facts_name_their_cause(code: str, found: Facts) -> None:
    """The first cause is the one that the facts support, and it is not contradicted."""
    assert first(found) == code
    item = requirements().get(found.requirement)
    (likeliest, *_) = likely(item.causes if item else (), found)
    assert likeliest.weight
    assert not contradiction(code, found)


WITHOUT = {
    "both families get the same error": facts(
        How.WRONG,
        How.WRONG,
        DUAL,
        exchanges=(held(IPV4, How.WRONG, answer="554 no\r\n"), held(IPV6, How.WRONG, answer="554 no\r\n")),
    ),
    "the connections of both families are closed": facts(
        HUNG_UP, HUNG_UP, DUAL, exchanges=(held(IPV4, HUNG_UP), held(IPV6, HUNG_UP))
    ),
    "a service ends after some clients": facts(
        OK,
        saw(IPV6, HUNG_UP),
        DUAL,
        starts=(ENDED, STARTED),
        exchanges=(held(IPV4, OK), held(IPV6, HUNG_UP), held(IPV6, OK, start=2)),
    ),
    "a service ends after any client": facts(
        HUNG_UP,
        HUNG_UP,
        DUAL,
        starts=(ENDED, ENDED),
        exchanges=(held(IPV4, HUNG_UP), held(IPV6, HUNG_UP, start=2)),
    ),
    "a service ends, and its clients were never compared": facts(
        OK, saw(IPV6, HUNG_UP), DUAL, starts=(ENDED,), exchanges=(held(IPV4, OK), held(IPV6, HUNG_UP))
    ),
    "the first clients wait, and none of their family comes later": facts(
        How.KEPT_WAITING, OK, DUAL, exchanges=(held(IPV4, How.KEPT_WAITING), held(IPV6, OK))
    ),
    "no address is shown": facts(
        requirement="INTEROP-002",
        shown=((CLIENT[IPV6], "unknown"), ("2001:db8:51:1:aaaa:bbbb:cccc:202", "unknown")),
        broken=(Finding(False, "the service shows its client's address", "it shows unknown"),),
    ),
    "a data port is not reached over either family": side_ports(IPV4, IPV6),
    "all connections are accepted, and none is answered": facts(
        FamilyFacts(IPV4),
        How.KEPT_WAITING,
        ZERO,
        replace(ONLY, waiting=0),
        requirement="LISTEN-002",
        host=NO_IPV4,
        starts=(STARTED,),
    ),
}


@pytest.mark.parametrize("found", WITHOUT.values(), ids=WITHOUT)
def test_facts_that_fit_no_cause_name_none(found: Facts) -> None:
    """Without a fact that speaks for a cause, such as a difference between the families, none is named."""
    assert first(found) == ""


@pytest.mark.parametrize(("family", "cause"), [(IPV6, "RC-PERPREFIX"), (IPV4, "RC-SHAREDADDRESS")])
def test_a_limit_that_one_family_reaches_first(family: Family, cause: str) -> None:
    """Error statuses of one family under load come from a limit that counts its clients as one."""
    error = Finding(False, "both get errors alike", "over it 140 get 503", symptoms=(Symptom.LIMITED_EARLIER,))
    seen = {one: replace(saw(one, OK, 200), works=one is not family) for one in (IPV4, IPV6)}
    found = facts(seen[IPV4], seen[IPV6], ZERO, ONLY, requirement="ROBUST-005", broken=(error,))
    assert first(found) == cause
    assert first(replace(found, broken=(replace(error, symptoms=()),))) != cause


def test_other_bytes_than_a_clients_own_are_no_rejection_of_a_mapped_client() -> None:
    """IPv4 clients whose bytes come back after others that are no text are not turned away for their address."""
    strays = held(IPV4, How.WRONG, answer="\0" * 10 + "\x01vKwccQx")
    assert first(facts(How.WRONG, FamilyFacts(IPV6), DUAL, exchanges=(strays,))) == ""
