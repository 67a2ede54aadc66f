"""Who is absent how: the five trajectories, timing types, and when a pattern begins.

The five follow Dräger et al. 2024 (doi 10.1371/journal.pone.0306716):
consistently low; consistently moderate, authorised; moderately rising,
unauthorised; strongly rising, unauthorised; strongly rising, authorised.
Timing types stand for the five that Keppens 2022 (doi
10.1016/j.jsp.2022.07.003) finds in half-day stamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from bench.simulator.rates import StageRates

Floats = npt.NDArray[np.float64]


class Trajectory(StrEnum):
    """One of the five, for a whole school year."""

    LOW = "low"
    MODERATE_AUTHORISED = "moderate_authorised"
    MODERATE_RISING_UNAUTHORISED = "moderate_rising_unauthorised"
    STRONG_RISING_UNAUTHORISED = "strong_rising_unauthorised"
    STRONG_RISING_AUTHORISED = "strong_rising_authorised"


class Timing(IntEnum):
    """Where in the week unexcused absence falls."""

    FIRST_LESSON = 0
    LAST_LESSON = 1
    WEEKDAY = 2
    SUBJECT = 3
    DISPERSED = 4


UNAUTHORISED = (Trajectory.MODERATE_RISING_UNAUTHORISED, Trajectory.STRONG_RISING_UNAUTHORISED)
RISING = (*UNAUTHORISED, Trajectory.STRONG_RISING_AUTHORISED)
# Repeated ogiltig strö is commoner among boys in all årskurser (Skolinspektionen 2015).
_BOYS = 1.3


@dataclass(frozen=True, slots=True)
class Course:
    """A pupil's script. ``onset`` is a day index; -1 where nothing rises."""

    trajectory: Trajectory
    timing: Timing
    onset: int
    ramp: int
    """School days from the onset to the peak."""
    base: float
    peak: float
    weekday: int
    subject: int
    """Picks the subject for ``Timing.SUBJECT``."""

    def intensity(self, days: int) -> Floats:
        """[day] -> mean share of lessons missed on account of the trajectory."""
        level = np.full(days, self.base)
        if self.onset >= 0:
            rise = np.clip((np.arange(days) - self.onset) / max(1, self.ramp), 0.0, 1.0)
            rising = np.arange(days) >= self.onset
            # A third of the rise is there from the first day: an onset is an event.
            level[rising] = self.base + (self.peak - self.base) * (1 + 2 * rise[rising]) / 3
        return level


def _choose(generator: np.random.Generator, stage: StageRates, female: bool) -> Trajectory:
    tilt = (2 - _BOYS) if female else _BOYS
    shares = {
        Trajectory.MODERATE_AUTHORISED: stage.moderate_authorised,
        Trajectory.MODERATE_RISING_UNAUTHORISED: stage.moderate_rising_unauthorised * tilt,
        Trajectory.STRONG_RISING_UNAUTHORISED: stage.strong_rising_unauthorised * tilt,
        Trajectory.STRONG_RISING_AUTHORISED: stage.strong_rising_authorised,
    }
    draw = float(generator.random())
    for trajectory, share in shares.items():
        if draw < share:
            return trajectory
        draw -= share
    return Trajectory.LOW


def course(generator: np.random.Generator, stage: StageRates, female: bool, days: int) -> Course:
    """Draw one pupil's script for a school year of ``days`` school days."""
    trajectory = _choose(generator, stage, female)
    timing = Timing(int(generator.integers(len(Timing))))
    # Most come into the school year with it; the rest begin at any time before May.
    carried = generator.random() < 0.6
    onset = int(generator.integers(3, 16) if carried else generator.integers(20, int(days * 0.8)))
    ramp = int(generator.integers(15, 50))
    weekday, subject = int(generator.integers(5)), int(generator.integers(1 << 16))
    low, high = {
        Trajectory.LOW: (0.0, 0.0),
        Trajectory.MODERATE_AUTHORISED: (0.0, 0.0),
        Trajectory.MODERATE_RISING_UNAUTHORISED: (0.10, 0.20),
        Trajectory.STRONG_RISING_UNAUTHORISED: (0.28, 0.60),
        Trajectory.STRONG_RISING_AUTHORISED: (0.25, 0.65),
    }[trajectory]
    peak = float(generator.uniform(low, high)) if high else 0.0
    if trajectory not in RISING:
        onset = -1
    base = 0.004 if trajectory in UNAUTHORISED else 0.0
    return Course(trajectory, timing, onset, ramp, base, peak, weekday, subject)


def lesson_weights(
    plan: Course, lengths: npt.NDArray[np.int16], subjects: npt.NDArray[np.int16]
) -> Floats:
    """[weekday, slot] -> relative risk of a lesson; its mean over the week's lessons is 1.

    ``lengths`` is 0 where there is no lesson; ``subjects`` numbers the class's subjects.
    """
    held = lengths > 0
    weights = np.where(held, 1.0, 0.0)
    slots = np.arange(lengths.shape[1])[None, :]
    last = held.sum(axis=1, keepdims=True) - 1
    if plan.timing is Timing.FIRST_LESSON:
        weights *= np.where(slots == 0, 5.0, 0.35)
    elif plan.timing is Timing.LAST_LESSON:
        weights *= np.where(slots == last, 4.5, np.where(slots == last - 1, 1.5, 0.3))
    elif plan.timing is Timing.WEEKDAY:
        weights *= np.where(np.arange(5)[:, None] == plan.weekday, 4.0, 0.3)
    elif plan.timing is Timing.SUBJECT and held.any():
        kinds = np.unique(subjects[held])
        hated = {
            int(kinds[plan.subject % len(kinds)]),
            int(kinds[(plan.subject // 7) % len(kinds)]),
        }
        weights *= np.where(np.isin(subjects, list(hated)), 5.0, 0.35)
    total = weights[held].mean() if held.any() else 1.0
    return weights / total
