"""`python -m services.ews.waves`: the group step."""

from __future__ import annotations

from services.common.settings import EwsSettings
from services.ews.waves.app import run

if __name__ == "__main__":
    run(EwsSettings())
