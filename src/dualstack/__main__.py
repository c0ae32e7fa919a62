"""``python -m dualstack`` is the command ``dualstack``."""

import sys

from dualstack.cli import main

sys.exit(main())
