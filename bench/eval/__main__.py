"""`python -m bench.eval`."""

import sys

from bench.eval.main import main

if __name__ == "__main__":
    sys.exit(main())
