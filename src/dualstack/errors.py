"""Who is to blame is in the type of the exception."""


class DualstackError(Exception):
    """The base of every error that this project raises on purpose."""


class UsageError(DualstackError):
    """The user's input is wrong: command line, manifest or topology. Exit code 2."""


class ServiceError(DualstackError):
    """The service did not do what every service must: start, become ready, stay up."""


class RequirementBroken(ServiceError, AssertionError):
    """The service broke the requirement under test; the message says how.

    Attributes:
        level: How binding the strictest finding that is broken is; empty where it is as binding as the requirement.
    """

    def __init__(self, message: str = "", level: str = "") -> None:
        """Keep the message and the level."""
        super().__init__(message)
        self.level = level


class BrokenLab(DualstackError):
    """A lab proof failed: the world is not what its topology claims, so nothing may be said of a service."""


class HostCannot(DualstackError):
    """This machine lacks a capability; the message says which, and how to get it."""


class Inconclusive(DualstackError):
    """There is no evidence for a verdict: no witness, dropped packets, or a capture without the flow in question."""


class NothingToJudge(DualstackError):
    """The requirement does not apply: what it builds on does not work, and another requirement reports that."""


class HarnessError(DualstackError):
    """Our own part failed: prober, capture, results."""


class DeadlineExpired(DualstackError):
    """Something that was waited for did not happen in time; the message names it."""
