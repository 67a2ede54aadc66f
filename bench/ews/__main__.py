"""`python -m bench.ews`."""

from __future__ import annotations

import sys

from bench.ews.main import main

sys.exit(main())
