"""Captures for the predicates on races: delays, the order of families, and the attempts that lose."""

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import C6, F4, F6, IN, LATER, OTHER, THIRD, handshake, reply, sent, syn

PORT = 8080


def to(address: str, sport: int) -> object:
    """Return a SYN to another address of the server."""
    return IN() / IPv6(src=C6, dst=address) / TCP(sport=sport, dport=PORT, flags="S", seq=7)


ANOTHER, ONE_MORE = to(OTHER[F6], 40007), to(THIRD[F6], 40008)
"""Attempts to two more addresses of the server over IPv6."""

CASES: list[Case] = [
    Case(
        name="attempt_delay",
        call=lambda wire: expect.attempt_delay([expect.race(wire, PORT)]),
        good=[(0, syn(F6)), (0.25, syn(F4)), (0.251, reply(F4, "SA"))],
        more_good=[
            [(0, syn(F6)), (0.125, ANOTHER), (0.25, syn(F4))],
            [(0, syn(F4)), (0.25, syn(F6))],
            [(0, syn(F6)), (2, syn(F4))],
        ],
        bad=[
            ([(0, syn(F6)), (1, syn(F6)), (3, syn(F4))], "IPv4 follows IPv6 after 3000.0 ms"),
            ([(0, syn(F6)), (0.05, syn(F4))], "50.0 ms"),
            ([(0, syn(F6)), (1, syn(F6)), (3, syn(F6))], "it tried no address of the other family"),
            ([(0, syn(F6)), (0, syn(F4))], "0.0 ms"),
        ],
    ),
    Case(
        name="attempts_apart",
        call=lambda wire: expect.attempts_apart([expect.race(wire, PORT)]),
        good=[(0, syn(F6)), (0.25, syn(F4)), (0.5, ANOTHER)],
        more_good=[
            [(0, syn(F6)), (0.001, reply(F6, "RA")), (0.002, syn(F4))],
            [*handshake(F6), (0.005, syn(F4))],
            [(0, syn(F6)), (0.001, syn(F6, 40001))],
            [(0, syn(F6)), (1, syn(F6))],
        ],
        bad=[
            (
                [(0, syn(F6)), (0.25, ANOTHER), (0.251, syn(F4))],
                "1 of 2 gaps are shorter: 198.51.100.1 was tried 1.00 ms",
            ),
            ([(0, syn(F6)), (0, syn(F4)), (0.001, reply(F6, "RA"))], "0.00 ms after 2001:db8:51:1::101"),
        ],
    ),
    Case(
        name="families_alternate",
        call=lambda wire: expect.families_alternate(expect.race(wire, PORT)),
        good=[(0, syn(F6)), (0.25, syn(F4)), (0.5, ANOTHER)],
        more_good=[
            [(0, syn(F6)), (0.25, ANOTHER), (0.5, syn(F4)), (0.75, ONE_MORE)],
            [(0, syn(F4)), (0.25, syn(F6))],
        ],
        bad=[
            ([(0, syn(F6)), (0.25, ANOTHER), (0.5, ONE_MORE), (0.75, syn(F4))], "it tried 3 IPv6 addresses first: "),
            ([(0, syn(F6)), (0.25, ANOTHER), (0.5, ONE_MORE)], "it tried 3 IPv6 addresses first, and no IPv4 address"),
        ],
    ),
    Case(
        name="losers_quiet",
        call=lambda wire: expect.losers_quiet(expect.race(wire, PORT)),
        good=[*handshake(F6), *handshake(F4, 0.01, 40001), (1, sent(F4, "PA", b"hello", 40001)), (2, sent(F6, "FA"))],
        bad=[
            (
                [
                    *handshake(F6),
                    *handshake(F4, 0.01, 40001),
                    (1, sent(F4, "PA", b"x", 40001)),
                    (2, sent(F6, "PA", b"x")),
                ],
                "bytes were sent to 2001:db8:51:1::101 too",
            ),
        ],
        more_good=[
            [*handshake(F6), (0.1, syn(F4)), (1, sent(F6, "PA", b"x")), *handshake(F6, 2, 40002), (3, LATER)],
            [(0, syn(F6)), (0.2, syn(F4)), (0.3, reply(F4, "SA"))],
        ],
    ),
    Case(
        name="losers_closed",
        call=lambda wire: expect.losers_closed(expect.race(wire, PORT)),
        good=[
            (0, syn(F6)),
            *handshake(F4, 0.25, 40001),
            (0.3, sent(F4, "PA", b"hello", 40001)),
            (0.6, reply(F6, "SA")),
            (0.601, sent(F6, "R")),
        ],
        more_good=[[(0, syn(F6)), *handshake(F4, 0.25, 40001), (0.3, sent(F4, "PA", b"hello", 40001))]],
        bad=[
            (
                [
                    (0, syn(F6)),
                    *handshake(F4, 0.25, 40001),
                    (0.3, sent(F4, "PA", b"x", 40001)),
                    (0.6, reply(F6, "SA")),
                    (2, sent(F6, "FA")),
                ],
                "the connection to 2001:db8:51:1::101 stayed open",
            ),
            (
                [
                    (0, syn(F6)),
                    *handshake(F4, 0.25, 40001),
                    (0.3, sent(F4, "PA", b"x", 40001)),
                    (0.6, reply(F6, "SA")),
                    (2, sent(F4, "PA", b"x", 40001)),
                ],
                "the connection to 2001:db8:51:1::101 stayed open",
            ),
        ],
    ),
]
