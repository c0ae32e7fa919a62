"""The shop's only way out: it tells a server on another host, named by its URL, that there was an order.

usage: notify.py URL
"""

import sys
import urllib.request

try:
    with urllib.request.urlopen(sys.argv[1], timeout=1) as answer:  # noqa: S310 - the URL is the shop's own
        sys.stdout.write(f"notified, status {answer.status}\n")
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
