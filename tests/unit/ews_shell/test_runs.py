"""Records reach the agent in runs: in order within a partition, the partitions taking turns."""

from __future__ import annotations

from collections import defaultdict

from faust.types import TP

from services.ews.faust_app import RUN, runs


def test_every_record_once_in_order_and_no_partition_waits_for_another() -> None:
    fetched = {
        TP("facts", 0): list(range(3 * RUN + 7)),
        TP("facts", 1): [1],
        TP("facts", 2): [],
        TP("facts", 3): list(range(RUN)),
    }
    found = list(runs(fetched))
    assert [(tp.partition, len(some)) for tp, some in found] == [
        (0, RUN),
        (1, 1),
        (3, RUN),
        (0, RUN),
        (0, RUN),
        (0, 7),
    ]
    joined: dict[TP, list[int]] = defaultdict(list)
    for tp, some in found:
        joined[tp] += some
    assert joined == {tp: some for tp, some in fetched.items() if some}


def test_nothing_fetched_is_no_run() -> None:
    assert list(runs({})) == []
