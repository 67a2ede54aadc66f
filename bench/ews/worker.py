"""The real worker on the topics that FORVARNING_BENCH_TOPOLOGY names, one JSON object."""

from __future__ import annotations

import json
import os

from services.common.settings import EwsSettings
from services.ews.app import run
from services.ews.core.core import Core
from services.ews.topology import Topology

if __name__ == "__main__":
    run(
        EwsSettings(),
        Core,
        topology=Topology(**json.loads(os.environ["FORVARNING_BENCH_TOPOLOGY"])),
    )
