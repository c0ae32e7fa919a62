"""``[timeouts]``."""

from typing import Annotated

from pydantic import Field

from dualstack.manifest.base import Table

Seconds = Annotated[float, Field(gt=0, le=600, strict=True)]


class Timeouts(Table):
    """Time limits, in seconds."""

    ready: Seconds = Field(
        10.0,
        description="From the start of the service until it is ready; in namespace labs up to three times longer if "
        "the machine starves it of CPU.",
    )
    exchange: Seconds = Field(5.0, description="One exchange with a listener.")
    refuse: Seconds = Field(1.0, description="Until a refusal (TCP reset or ICMP port unreachable) must arrive.")
    connect: Seconds = Field(
        10.0,
        description="One run of a connect command; with a daemon, until it has completed an exchange. Up to three "
        "times longer if the machine starves it of CPU.",
    )
    reconnect: Seconds = Field(
        15.0,
        description="Until a daemon has connected again, after its server or the answer for its name has changed. Up "
        "to three times longer if the machine starves it of CPU.",
    )
    idle: Seconds = Field(
        3.5,
        description="How long idle connections are observed (ROBUST-010); a longer time shows longer idle timeouts.",
    )
    stop: Seconds = Field(5.0, description="From the stop signal until the service has ended; then it is killed.")
    build: Seconds = Field(300.0, description="Each build command.")
