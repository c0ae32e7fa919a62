"""Dialling a service: one exchange over one family."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from time import monotonic

from dualstack.prober.attempt import MOST_REPORTED, Attempt
from dualstack.prober.messages import Dial, Dialled, Stage
from dualstack.prober.sockets import errno_name
from dualstack.prober.verbs import Agent, verb
from dualstack.protocols.judgement import Judgement


@verb(Dial)
async def dial(_: Agent, request: Dial) -> Dialled:
    """Carry out one exchange; see `exchange`."""
    return await exchange(request)


async def exchange(request: Dial) -> Dialled:
    """Carry out one exchange; whatever the network does is an outcome, not an exception.

    Raises:
        UsageError: The request is not possible.
    """
    attempt = Attempt(request, Stage.ANSWERED)
    dialled = await _carry_out(attempt, request, attempt.run)
    attempt.close()
    return dialled


async def dial_until(request: Dial, stage: Stage) -> tuple[Dialled, socket.socket | None]:
    """Carry out one exchange up to a stage; return its result and its socket, which stays open if there is one.

    Over UDP the last stage is the only one.

    Raises:
        UsageError: The request is not possible.
    """
    attempt = Attempt(request, stage)
    return await _carry_out(attempt, request, attempt.run), attempt.socket


async def exchange_on(made: socket.socket, request: Dial) -> Dialled:
    """Carry out an exchange on an established TCP connection on which nothing was sent; then close it."""
    with made:
        attempt = Attempt(request, Stage.ANSWERED)
        attempt.take(made)
        dialled = await _carry_out(attempt, request, attempt.exchange)
        attempt.close()
        return dialled


async def _carry_out(attempt: Attempt, request: Dial, act: Callable[[], Awaitable[Judgement]]) -> Dialled:
    """Run a function of an attempt within the request's timeout; return the result."""
    start = monotonic()
    error_name = ""
    try:
        async with asyncio.timeout(request.timeout):
            judgement = await act()
    except TimeoutError as error:  # the timeout's, or the kernel's ETIMEDOUT
        error_name = errno_name(error)
        judgement = attempt.timed_out(error_name)
    except OSError as error:
        error_name = errno_name(error)
        judgement = attempt.failed(error)
    except BaseException:
        attempt.close()
        raise
    return Dialled(
        outcome=judgement.outcome,
        errno=error_name,
        connected=attempt.connected,
        source=attempt.source[0],
        source_port=attempt.source[1],
        answer=bytes(attempt.answer[judgement.begins : judgement.length]).decode("latin-1"),
        status=judgement.status,
        sent=bytes(attempt.sent[:MOST_REPORTED]).decode("latin-1"),
        seconds=monotonic() - start,
        detail=judgement.detail,
        tls=judgement.tls,
        answers=judgement.answers,
    )
