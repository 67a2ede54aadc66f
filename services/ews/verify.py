"""Whether a checkpoint row and the input log still belong together (design D3).

The group's committed offset is not asked: it may be late, have expired over a
summer, or point into a topic that was created anew.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from services.ews.errors import LogMismatchError
from services.ews.logreader import ranges, records_at
from services.ews.partition import Position, record_crc


def _mend(partition: int) -> str:
    return (
        f"Stop the workers and run `forvarning ews mend --partition {partition}`: it keeps the "
        "state and reads the log that is there from its beginning. Have the sources send again "
        "what the log has lost."
    )


async def verify(
    consumer: AIOKafkaConsumer, topic: str, positions: Mapping[int, Position]
) -> dict[int, tuple[int, int]]:
    """Check every position against ``topic``; returns each partition's (beginning, end).

    Holds: beginning <= next <= end, and the record at next - 1, where it is
    still there, has the row's CRC-32C. Raises LogMismatchError otherwise.
    """
    names = {TopicPartition(topic, partition): partition for partition in positions}
    limits = await ranges(consumer, list(names))
    wanted: dict[TopicPartition, int] = {}
    for tp, (beginning, end) in limits.items():
        position = positions[names[tp]]
        place = f"{topic}[{tp.partition}]"
        if position.next_offset > end:
            msg = (
                f"{place} ends at offset {end}, but its checkpoint says that {position.next_offset}"
                " comes next: the topic was created anew or cut off. " + _mend(tp.partition)
            )
            raise LogMismatchError(msg)
        if position.next_offset < beginning:
            lost = beginning - position.next_offset
            msg = (
                f"{place} begins at offset {beginning}, but its checkpoint says that "
                f"{position.next_offset} comes next: retention has removed {lost} fact(s) that were"
                " never read. " + _mend(tp.partition)
            )
            raise LogMismatchError(msg)
        # A row that was mended, or stands at the log's very beginning, knows no record before it.
        if position.next_offset > beginning and position.previous_crc:
            wanted[tp] = position.next_offset - 1
    for tp, record in (await records_at(consumer, wanted)).items():
        position = positions[names[tp]]
        found = record_crc(record.key, record.value)
        if record.offset != wanted[tp] or found != position.previous_crc:
            msg = (
                f"{topic}[{tp.partition}]: the record at offset {wanted[tp]} is not the one that "
                "was read before the checkpoint: the topic was created anew. " + _mend(tp.partition)
            )
            raise LogMismatchError(msg)
    return {names[tp]: limit for tp, limit in limits.items()}
