"""``python -m dualstack`` is the command ``dualstack``."""

import sys

from dualstack.start import main

sys.exit(main())
