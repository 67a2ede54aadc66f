"""Quix Streams, as its documentation teaches it: `python -m bench.ews.peers.quix`.

Runs in an environment of its own (requirements/peers.in) and is told what to do
by FORVARNING_BENCH_PEER, one JSON object. Three ways:

- ``state``: one message a mark, the pupil's last twenty days in its state store. What the
  naive Faust app does.
- ``windows``: one message a mark, the share of the last 28 days by its hopping windows.
- ``core``: the registers and Förvarning's own decision core, whose rows go into its state
  store. What the core holds between two collects is in no checkpoint, so that after a crash
  it would be gone: that is left to Quix Streams as an advantage.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from quixstreams import Application, State, message_context
from quixstreams.dataframe.windows import Sum

from bench.ews.peers.deciding import Decider, settle_collector

_DAY_MS = 86_400_000
_WINDOW = 20
_SPAN = timedelta(days=28)
_THRESHOLD = 0.10

Wanted = dict[str, Any]


def judged(mark: dict[str, Any], state: State) -> dict[str, Any]:
    """What the naive Faust app does with a mark."""
    days = state.get("days", {})
    day = days.setdefault(str(mark["day"]), [0, 0])
    day[0] += mark["offered"]
    day[1] += mark["absent"]
    while len(days) > _WINDOW:
        del days[min(days, key=int)]
    state.set("days", days)
    offered = sum(one[0] for one in days.values())
    absent = sum(one[1] for one in days.values())
    return {"day": mark["day"], "share": absent / offered if offered else 0.0}


def by_state(app: Application, wanted: Wanted) -> None:
    """One message a mark, one value a pupil."""
    marks = app.topic(wanted["topic"], value_deserializer="json", key_deserializer="str")
    warned = app.topic(wanted["output"], value_serializer="json", key_serializer="str")
    stream = app.dataframe(marks).apply(judged, stateful=True)
    stream = stream.filter(lambda one: one["share"] >= _THRESHOLD)
    stream.to_topic(warned)


def by_windows(app: Application, wanted: Wanted) -> None:
    """One message a mark, windows of 28 days that begin every day, closed a week late."""
    marks = app.topic(
        wanted["topic"],
        value_deserializer="json",
        key_deserializer="str",
        timestamp_extractor=lambda value, *_: value["day"] * _DAY_MS,
    )
    warned = app.topic(wanted["output"], value_serializer="json", key_serializer="str")
    stream = app.dataframe(marks).hopping_window(
        _SPAN, timedelta(days=1), grace_ms=timedelta(days=7)
    )
    shares = stream.agg(offered=Sum("offered"), absent=Sum("absent")).current()
    shares = shares.filter(lambda one: one["absent"] >= _THRESHOLD * one["offered"])
    shares.to_topic(warned)


def by_core(app: Application, wanted: Wanted) -> None:
    """The registers, and the decision core for each partition."""
    facts = app.topic(wanted["topic"], value_deserializer="bytes", key_deserializer="bytes")
    told = app.topic(wanted["output"], value_serializer="bytes", key_serializer="bytes")
    deciders: dict[int, Decider] = {}
    ends = {int(partition): end for partition, end in wanted["ends"].items()}

    def decided(value: bytes, state: State) -> Iterable[bytes]:
        context = message_context()
        partition, offset = context.partition, context.offset
        decider = deciders.get(partition)
        if decider is None:
            decider = deciders[partition] = Decider(partition)
        now = time.monotonic()
        decider.take(value, offset, now)
        if not decider.due(now) and offset + 1 < ends[partition]:
            return ()
        batch = decider.collect()
        for row in batch.state:
            key = row.key.decode("ascii")
            if row.value is None:
                state.delete(key)
            else:
                state.set_bytes(key, row.value)
        rows = (*batch.warnings, *batch.absence_days, *batch.group_days)
        return [row.value for row in rows if row.value is not None]

    app.dataframe(facts).apply(decided, stateful=True, expand=True).to_topic(told)


WAYS: dict[str, Callable[[Application, Wanted], None]] = {
    "state": by_state,
    "windows": by_windows,
    "core": by_core,
}


def main() -> None:
    """Run one process until it is told to stop."""
    wanted = json.loads(os.environ["FORVARNING_BENCH_PEER"])
    settle_collector()
    app = Application(
        broker_address=wanted["broker"],
        consumer_group=wanted["group"],
        auto_offset_reset="earliest",
        # As often as the worker's own checkpoints; its default is five seconds.
        commit_interval=1.0,
        state_dir=wanted["state_dir"],
        loglevel="WARNING",
    )
    WAYS[wanted["way"]](app, wanted)
    app.run()


if __name__ == "__main__":
    main()
