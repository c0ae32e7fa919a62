"""The type of the exception says what is at fault: the input, the service, the lab, the machine or the harness."""

INTERRUPTED = 130
"""The exit code of a command that was interrupted: 128 and the number of SIGINT, as shells count."""


class DualstackError(Exception):
    """The base of every error that this project raises on purpose."""


class UsageError(DualstackError):
    """The user's input is wrong: command line, manifest or topology. Exit code 2."""


class ServiceError(DualstackError):
    """The service did not do what every service must: start, become ready, stay up.

    Attributes:
        not_ready: Whether it is that the service did not become ready.
    """

    def __init__(self, message: str = "", *, not_ready: bool = False) -> None:
        """Keep the message and whether the service did not become ready."""
        super().__init__(message)
        self.not_ready = not_ready


class RequirementBroken(ServiceError, AssertionError):
    """The service broke the requirement under test; the message says how.

    Attributes:
        level: The level of the strictest failed finding; empty if it is the level of the requirement.
    """

    def __init__(self, message: str = "", level: str = "") -> None:
        """Keep the message and the level."""
        super().__init__(message)
        self.level = level


class BrokenLab(DualstackError):
    """A lab proof failed: the lab is not what its topology claims, so no service can be judged in it."""


class HostCannot(DualstackError):
    """This machine lacks a capability; the message says which, and how to get it."""


class Inconclusive(DualstackError):
    """There is no evidence for a verdict: no witness, dropped packets, or a capture without the flow in question."""


class NothingToJudge(DualstackError):
    """The requirement does not apply: what it depends on does not work, and another requirement reports that."""


class HarnessError(DualstackError):
    """The harness failed: prober, capture or results."""


class DeadlineExpired(DualstackError):
    """An awaited event did not happen in time; the message names it."""
