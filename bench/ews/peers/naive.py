"""The naive app: one message a mark and one table row a pupil, as Faust's own guide teaches it.

`python -m bench.ews.peers.naive` reads FORVARNING_BENCH_BROKER, _TOPIC and
_PARTITIONS. It keeps the last twenty school days of each pupil in a Table,
with Faust's own changelog, acks and commits, and sends a warning when a tenth
of the offered time was missed. It adds up, so a correction or a duplicate
counts twice: far less than what it is compared with does.
"""

from __future__ import annotations

import os

import faust

_WINDOW = 20
_THRESHOLD = 0.10


class Mark(faust.Record, serializer="json"):
    """One pupil in one lesson; minutes."""

    pupil: str
    lesson: str
    day: int
    offered: int
    absent: int


class Warned(faust.Record, serializer="json"):
    """A pupil who missed a tenth of the last twenty school days."""

    pupil: str
    day: int
    share: float


def build(broker: str, topic_name: str, partitions: int) -> faust.App:
    """The app, on an in-memory store: the fastest that Faust offers."""
    app = faust.App(
        "bench-naive",
        broker=f"kafka://{broker}",
        store="memory://",
        topic_partitions=partitions,
        topic_replication_factor=1,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
        web_enabled=False,
    )
    marks = app.topic(topic_name, key_type=str, value_type=Mark)
    warned = app.topic("bench-naive-warned", key_type=str, value_type=Warned)
    pupils = app.Table("pupils", default=dict, partitions=partitions)

    @app.agent(marks)
    async def judge(stream: faust.StreamT[Mark]) -> None:
        async for mark in stream:
            days: dict[str, list[int]] = pupils[mark.pupil]
            day = days.setdefault(str(mark.day), [0, 0])
            day[0] += mark.offered
            day[1] += mark.absent
            while len(days) > _WINDOW:
                del days[min(days, key=int)]
            pupils[mark.pupil] = days
            offered = sum(one[0] for one in days.values())
            absent = sum(one[1] for one in days.values())
            if absent >= _THRESHOLD * offered:
                await warned.send(
                    key=mark.pupil, value=Warned(mark.pupil, mark.day, absent / offered)
                )

    return app


def main() -> None:
    """Run one worker until it is told to stop."""
    app = build(
        os.environ["FORVARNING_BENCH_BROKER"],
        os.environ["FORVARNING_BENCH_TOPIC"],
        int(os.environ["FORVARNING_BENCH_PARTITIONS"]),
    )
    faust.Worker(app, loglevel="WARN").execute_from_commandline()


if __name__ == "__main__":
    main()
