"""Whether the topics are there, with the partition count of this installation (design D1)."""

from __future__ import annotations

from dataclasses import asdict

from aiokafka.admin import AIOKafkaAdminClient

from services.common.kafka import connection
from services.common.settings import EwsSettings
from services.ews.topology import Topology


async def missing(settings: EwsSettings, topology: Topology) -> list[str]:
    """What is wrong with the topics' presence, as sentences; empty when all is well.

    Without the input log the group would give this worker nothing to do, and
    it would look well; with another number of partitions a pupil's facts would
    lie in two of them.
    """
    names = asdict(topology)
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        described = {
            entry["topic"]: entry for entry in await admin.describe_topics(list(names.values()))
        }
    finally:
        await admin.close()
    problems = []
    for role, name in names.items():
        entry = described.get(name)
        if entry is None or entry["error_code"]:
            problems.append(f"the topic {name} does not exist: run `forvarning topics create`")
            continue
        found = len(entry["partitions"])
        wanted = 1 if role in {"profiles", "waves", "school_signals"} else settings.fact_partitions
        if found != wanted:
            problems.append(
                f"the topic {name} has {found} partitions and this installation "
                f"{wanted}: see `forvarning topics verify`"
            )
    return problems
