"""`python -m bench.cases`."""

import sys

from bench.cases.main import main

if __name__ == "__main__":
    sys.exit(main())
