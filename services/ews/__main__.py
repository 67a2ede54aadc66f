"""`python -m services.ews`: one worker with the real core."""

from __future__ import annotations

from services.common.settings import EwsSettings
from services.ews.app import run
from services.ews.core.core import Core

if __name__ == "__main__":
    run(EwsSettings(), Core)
