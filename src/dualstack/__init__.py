"""dualstack proves that a network service works on IPv4-only, IPv6-only and dual-stack networks."""


def __getattr__(name: str) -> str:
    """Return the version when it is needed: reading it imports half of the standard library."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # noqa: PLC0415 - slow

    return version("dualstack")
