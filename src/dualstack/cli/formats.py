"""The forms in which results can be printed."""

FORMATS = ("text", "github", "markdown")
"""What ``--format`` of ``run`` and ``report`` allows."""
