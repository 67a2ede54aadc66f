"""Whatever order the sums come in, and however often: the same signals, and those of the model."""

from __future__ import annotations

import os
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forvarning.school.v1 import school_pb2 as pb
from forvarning.warnings.v1.warnings_pb2 import GroupDay
from services.ews.core.schoolsignals import SchoolSignals
from services.ews.core.unitdays import UnitDays
from tests.unit.ews.facts import name, weekdays
from tests.unit.ews.school_model import Told, newest
from tests.unit.ews.school_model import told as model
from tests.unit.ews.school_world import DAY, ORGANISER, UNIT, A, B, C, Lessons, SchoolWorld, some

EXAMPLES = max(int(os.environ.get("FORVARNING_MODEL_EXAMPLES", "2000")) // 40, 10)
D = name(4, "d")
SHORT: Lessons = ((8, "Matematik"), (8, "Franska"), (11, "Matematik"), (12, "Svenska"))
KINDS = {
    pb.SIGNAL_KIND_WAVE: "wave",
    pb.SIGNAL_KIND_CLUSTER: "cluster",
    pb.SIGNAL_KIND_UNREPORTED: "unreported",
}
SLOTS = {pb.SLOT_FIRST: "first", pb.SLOT_LUNCH: "lunch", pb.SLOT_LAST: "last"}


class Story:
    """A school in which something of all this goes on."""

    def __init__(
        self, partitions: int, rows: list[GroupDay], chance: random.Random, told: str
    ) -> None:
        self.partitions, self.rows, self.chance = partitions, rows, chance
        self._told = told

    def __repr__(self) -> str:
        return self._told


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Sizes, a hot hour or class, lessons that nobody reports, a wave, days taken back."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    sizes = {A: draw(st.sampled_from((24, 25))), B: 18, C: draw(st.sampled_from((3, 5, 9, 22)))}
    if draw(st.booleans()):
        sizes[D] = 4
    world = SchoolWorld(
        sizes,
        {C: SHORT if draw(st.booleans()) else DAY},
        partitions=draw(st.sampled_from((1, 2))),
    )
    hours = st.sampled_from((None, 8, 9, 11, 13))
    hot, hot_class = draw(hours), draw(st.sampled_from((None, A, B, C)))
    mute, mute_class = draw(hours), draw(st.sampled_from((None, A, C, D)))
    mute_permille = draw(st.sampled_from((0, 500, 900)))
    ill = draw(st.sampled_from((None, (A,), (A, B), (A, B, C))))
    wave = draw(st.integers(0, 30))
    # Over a Christmas, or over a summer.
    first = draw(st.sampled_from((20_682, 20_620)))
    days = weekdays(draw(st.integers(8, 40)), first)
    if first == 20_620:
        days = [day + (60 if at > 14 else 0) for at, day in enumerate(days)]
        days = [day for day in days if (day + 3) % 7 < 5]
    rows: list[GroupDay] = []
    for at, day in enumerate(days):
        for revision in range(1, 1 + chance.choice((1, 1, 1, 2, 3))):
            valid = {c: some(chance, n, 50) for c, n in sizes.items()}
            if ill and wave <= at < wave + 5 and chance.random() < 0.8:
                valid |= {c: some(chance, sizes[c], 500) for c in ill}
            skips = {(c, h): some(chance, n, 30) for c, n in sizes.items() for h, _ in DAY}
            for c, n in sizes.items():
                for hour, _ in DAY:
                    if hour == hot or c == hot_class:
                        skips[c, hour] = some(chance, n, 350)
            silent = [
                (c, hour)
                for c in sizes
                for hour, _ in (*DAY, *SHORT)
                if (hour == mute or c == mute_class) and chance.randrange(1000) < mute_permille
            ]
            if chance.random() < 0.05:
                silent = [(c, hour) for c in sizes for hour, _ in (*DAY, *SHORT)]
            closed = chance.random() > 0.03
            some_rows = world.rows(
                day, valid=valid, skips=skips, silent=silent, revision=revision, closed=closed
            )
            # One partition may have closed the day and another not.
            rows += some_rows[: 1 if chance.random() < 0.03 else None]
    told = f"{sizes=} {hot=} {hot_class=} {mute=} {mute_class=} {ill=} {wave=} {len(days)=}"
    return Story(world.partitions, rows, chance, told)


def said(signals: dict[bytes, pb.SchoolSignal], figures: dict[str, tuple[str, ...]]) -> Told:
    found: Told = {}
    for one in signals.values():
        kind = KINDS[one.kind]
        place: Any = {
            pb.SIGNAL_SCOPE_UNIT: ("unit", ""),
            pb.SIGNAL_SCOPE_CLASS: ("class", one.class_id),
            pb.SIGNAL_SCOPE_SUBJECT: ("subject", one.subject),
            pb.SIGNAL_SCOPE_SLOT: ("slot", SLOTS.get(one.slot)),
        }[one.scope]
        assert one.signal_id not in {key for key, other in signals.items() if other is not one}
        found[kind, place, one.school_year] = [
            {
                "first_day": episode.first_day,
                "last_day": episode.last_day,
                "over_day": episode.over_day,
                "days": episode.days,
            }
            | {name: getattr(episode.figures, name) for name in figures[kind]}
            for episode in one.episodes
        ]
        for episode in one.episodes:
            assert (episode.state == pb.SIGNAL_STATE_OVER) is bool(episode.over_day)
            assert episode.figures.pupils >= 5
            assert kind == "unreported" or episode.figures.absent >= 5
    return found


FIGURES = {
    "wave": ("absent",),
    "cluster": ("window_days", "days_for"),
    "unreported": ("offered", "reported"),
}


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(stories())
def test_any_order_of_sums_gives_the_models_signals(
    story: Story,
) -> None:
    partitions, rows, chance = story.partitions, story.rows, story.chance
    expected = model(rows, partitions)
    arrivals = rows + chance.choices(rows, k=len(rows) // 5)
    chance.shuffle(arrivals)
    unit, signals = UnitDays(), SchoolSignals(ORGANISER, UNIT, partitions)
    touched: set[int] = set()
    revision = 0
    for row in arrivals:
        if unit.take(row):
            touched.add(row.epoch_day)
        if chance.random() < 0.1:
            # Judged as it comes, from what is there.
            signals.judge(unit, touched)
            touched.clear()
            assert unit.known >= revision
            revision = unit.known
    signals.judge(unit, touched)
    found = signals.snapshots(unit.known)
    assert said(found, FIGURES) == expected
    # In order, and all at once, to the byte.
    other, whole = UnitDays(), SchoolSignals(ORGANISER, UNIT, partitions)
    for row in rows:
        other.take(row)
    whole.judge(other, other.days())
    assert unit.known == other.known == sum(row.revision for row in newest(rows).values())
    assert whole.snapshots(other.known) == found
