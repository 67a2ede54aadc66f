"""``python -m bench.sync``."""

import sys

from bench.sync.main import main

sys.exit(main())
