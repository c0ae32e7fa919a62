"""Which descriptors a process that was forked keeps."""

import os
import resource
from itertools import pairwise


def close_all_but(*kept: int) -> None:
    """Close every descriptor but the standard ones and those to keep, also what the parent's parent left open."""
    limits = (2, *sorted(kept), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for below, above in pairwise(limits):
        os.closerange(below + 1, above)
