"""What a random world is drawn from. Made once: to make it anew took longer than to draw."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from tests.model.profiles import CONTENTS
from tests.model.shown import PUPILS

DAYS = 9
BASES = (
    date(2026, 8, 17),
    date(2026, 10, 21),  # the clocks change on the 25th
    date(2026, 11, 26),  # a month ends, and with it what is judged then
    date(2026, 12, 29),
    date(2027, 3, 24),  # the clocks change on the 28th
    date(2027, 6, 26),  # a new school year begins on 1 July
)
NEWER = st.integers(0, 9)
"""How much newer than what was first said."""
BASE = st.sampled_from(BASES)
ACTIVATED = st.lists(
    st.tuples(
        st.integers(0, len(CONTENTS) - 1),
        st.tuples(st.sampled_from((0, 0, 0, 1)), st.integers(-1, 6)),
    ),
    max_size=3,
)
ALWAYS = st.sampled_from((0, *range(3, len(CONTENTS))))
PLACED = st.lists(
    st.tuples(
        st.integers(0, PUPILS - 1),
        st.integers(0, 1),
        st.sampled_from((-400, 0, 0, 1, 4)),
        st.sampled_from((0, 0, 0, 3, 5)),
        st.sampled_from((0, 0, 1)),
        st.sampled_from((False, False, False, True)),
    ),
    max_size=6,
)
LESSONS = st.sampled_from((2, 3, 4))
GRID = st.binary(min_size=DAYS * 4 * PUPILS, max_size=DAYS * 4 * PUPILS)
WHOLE_DAYS = st.binary(min_size=DAYS * PUPILS, max_size=DAYS * PUPILS)
CLOSINGS = st.binary(min_size=DAYS, max_size=DAYS)
WAVES = st.lists(
    st.tuples(
        st.integers(0, DAYS - 1),
        st.sampled_from((0, 0, 0, 1)),
        st.sampled_from((None, 0, 0, 200)),
        st.sampled_from((None, 0, 150)),
        st.integers(1, 2),
    ),
    max_size=8,
)
CORRECTIONS = st.lists(
    st.tuples(
        st.integers(0, DAYS - 1),
        st.integers(0, 3),
        st.sampled_from((0, 0, 0, 1)),
        st.sampled_from((2, 2, 2, 1, 3)),
        NEWER,
        st.binary(min_size=PUPILS, max_size=PUPILS),
        st.integers(1, 7),
    ),
    max_size=10,
)
SENT_AGAIN = st.lists(st.tuples(st.integers(0, 9), st.sampled_from((0, 0, 0, 1))), max_size=4)
NOTICES = st.lists(
    st.tuples(
        st.integers(0, PUPILS - 1),
        st.integers(0, 1),
        st.integers(0, DAYS - 1),
        st.sampled_from((0, 480, 500, 530, 600)),
        st.sampled_from((20, 60, 90, 600, 4000)),
        NEWER,
        st.sampled_from((False, False, False, True)),
        st.sampled_from((1, 2)),
    ),
    max_size=5,
)
REPORTS = st.lists(
    st.tuples(
        st.sampled_from((0, 0, 0, 1)),
        st.integers(2, 8),
        st.integers(-4, DAYS),
        st.sampled_from((1, 1, 1, 1, 2, 3)),
        st.sampled_from((0, 1, 1, 1, 2)),
        NEWER,
        st.sampled_from((False, False, False, False, True)),
    ),
    max_size=12,
)
ERASED = st.integers(0, 19)
SEED = st.integers(0, 1 << 16)
REPEATS = st.integers(0, 6)
STOPS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(("collect", "collect", "restart", "lose")),
    ),
    max_size=5,
)
