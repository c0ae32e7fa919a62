"""Captures for the predicates on TCP connections: half-close and resets."""

from dualstack.wire import expect
from tests.wire.cases.case import Case
from tests.wire.packets import F4, F6, handshake, reply, sent, syn

CASES: list[Case] = [
    Case(
        name="half_close",
        call=lambda wire: expect.half_close(wire, 40000),
        good=[
            *handshake(F6),
            (1, sent(F6, "PA", b"x")),
            (2, sent(F6, "FA")),
            (3, sent(F6, "PA", b"answer", back=True)),
            (4, sent(F6, "FA", back=True)),
        ],
        bad=[
            ([*handshake(F6), (2, sent(F6, "FA")), (3, sent(F6, "FA", back=True))], "without sending"),
            (
                [
                    *handshake(F6),
                    (1, sent(F6, "PA", b"x", back=True)),
                    (2, sent(F6, "FA")),
                    (3, sent(F6, "FA", back=True)),
                    (4, sent(F6, "PA", b"x", back=True)),
                ],
                "without sending",
            ),
            ([*handshake(F6), (2, sent(F6, "FA")), (3, sent(F6, "R"))], "the client sent RST"),
            ([*handshake(F6), (2, sent(F6, "FA")), (3, sent(F6, "PA", b"x", back=True))], "never sent its FIN"),
            ([*handshake(F6), (2, sent(F6, "FA")), (3, sent(F6, "R", back=True))], "the service sent RST"),
            ([*handshake(F6), (1, sent(F6, "FA", back=True)), (2, sent(F6, "FA"))], "closed before the client"),
        ],
        more_good=[
            [*handshake(F4), (2, sent(F4, "FA")), (3, sent(F4, "FPA", b"answer", back=True))],
            [
                *handshake(F6),
                (1, sent(F6, "PA", b"x")),
                (2, sent(F6, "PA", b"answer", back=True)),
                (3, sent(F6, "FA")),
                (4, sent(F6, "FA", back=True)),
            ],
        ],
    ),
    Case(
        name="carries_resets",
        call=lambda wire: expect.carries_resets(wire, 8080, expected=True),
        good=[*handshake(F6), (1, sent(F6, "PA", b"x")), (2, sent(F6, "R", back=True))],
        bad=[
            ([*handshake(F6), (1, sent(F6, "FA")), (2, sent(F6, "FA", back=True))], "none does"),
            ([*handshake(F6), (1, syn(F6, 40001)), (2, reply(F6, "RA", 40001))], "none does"),
        ],
        more_good=[[*handshake(F4), (1, sent(F4, "RA"))]],
    ),
    Case(
        name="carries no resets",
        call=lambda wire: expect.carries_resets(wire, 8080, expected=False, least=2),
        good=[*handshake(F6), (1, sent(F6, "PA", b"xx")), (2, sent(F6, "FA")), (3, sent(F6, "FA", back=True))],
        bad=[([*handshake(F6), (1, sent(F6, "PA", b"xx", back=True)), (2, sent(F6, "R"))], "1 of their segments does")],
        more_good=[
            [
                *handshake(F6),
                (1, sent(F6, "PA", b"xx")),
                *handshake(F6, 2, 40001),
                (3, sent(F6, "R", sport=40001)),
            ],
        ],
    ),
    Case(
        name="outlives_resets",
        call=lambda wire: expect.outlives_resets(wire, 8080, F6),
        good=[*handshake(F6), (1, sent(F6, "R")), *handshake(F6, 2, 40001)],
        bad=[
            ([*handshake(F6), (1, sent(F6, "R")), (2, syn(F6, 40001))], "unanswered"),
            ([*handshake(F6), (1, sent(F6, "R")), (2, syn(F6, 40001)), (3, reply(F6, "RA", 40001))], "refused"),
        ],
        more_good=[
            [*handshake(F6), (1, sent(F6, "RA")), (2, syn(F6, 40001)), *handshake(F6, 3, 40002)],
            [*handshake(F6), (1, sent(F6, "R")), *handshake(F6, 2, 40001), (3, syn(F4))],
        ],
    ),
]
