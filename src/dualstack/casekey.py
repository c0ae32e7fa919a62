"""The key of a case: which requirement, on which part of which service, in which topology."""

import re
from dataclasses import dataclass

REQUIREMENT_ID = r"[A-Z]+-\d{3}"
"""The form of a requirement's id, ``LISTEN-001``, as a regular expression."""

_TEXT = re.compile(
    rf"(?P<requirement>{REQUIREMENT_ID}):(?P<subject>[^:@]+):(?P<element>[^:@]+)@(?P<topology>[a-z0-9-]+)"
)


@dataclass(frozen=True, slots=True, order=True)
class CaseKey:
    """What names a case, the same in every run.

    Its text, ``LISTEN-001:nginx/both:http@dual-stack``, is written and read only here.

    Attributes:
        requirement: The requirement's id: ``LISTEN-001``.
        subject: The service, with its configuration: ``nginx/both``.
        element: The name of the listener or connector, or ``service`` for the service as a whole.
        topology: The topology's name.
    """

    requirement: str
    subject: str
    element: str
    topology: str

    def __str__(self) -> str:
        """Return the key as text: ``LISTEN-001:nginx/both:http@dual-stack``."""
        return f"{self.requirement}:{self.subject}:{self.place}"

    @property
    def place(self) -> str:
        """The element and the topology: ``http@dual-stack``."""
        return f"{self.element}@{self.topology}"

    @property
    def file_name(self) -> str:
        """The key as a file name: ``LISTEN-001_nginx_both_http_dual-stack``."""
        return "".join(char if char.isalnum() or char in "._-" else "_" for char in str(self))

    @classmethod
    def found_in(cls, text: str) -> "CaseKey | None":
        """Return the first key in ``text``, for example in a pytest node id; None if there is none."""
        match = _TEXT.search(text)
        return cls(**match.groupdict()) if match else None
