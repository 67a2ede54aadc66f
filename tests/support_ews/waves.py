"""`python -m tests.support_ews.waves`: the real group step on one test's topics."""

from __future__ import annotations

import json
import os

from services.common.settings import EwsSettings
from services.ews.topology import Topology
from services.ews.waves.app import run

if __name__ == "__main__":
    run(EwsSettings(), topology=Topology().prefixed(json.loads(os.environ["EWS_TEST"])["prefix"]))
