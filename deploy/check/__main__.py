"""`python -m deploy.check`."""

from __future__ import annotations

from deploy.check.cli import app

if __name__ == "__main__":
    app()
