"""Every figure that the simulated pupils, teachers and guardians are set by.

The published base rates are the *targets* (``domain/base-rates.md``; each is
held by a test of the simulator); the numbers here are what makes the simulated
pupils meet them. Shares are of pupils and school year unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

# Relative absence by weekday and month: NYC daily attendance 2009–2017, 100 minus attendance.
WEEKDAY_ABSENCE = (11.8, 10.8, 10.7, 10.7, 12.1)
MONTH_ABSENCE = {8: 9.9, 9: 10.7, 10: 9.5, 11: 10.2, 12: 11.1,
                 1: 12.2, 2: 12.9, 3: 11.1, 4: 10.0, 5: 11.2, 6: 14.9}  # fmt: skip

# How often illness begins. Absence that rises over the year and waves make up the rest of
# the targets above: few illnesses in a spring month with many truants, more in September.
ILLNESS_BY_MONTH = {8: 1.6, 9: 1.28, 10: 0.92, 11: 0.86, 12: 0.84,
                    1: 1.1, 2: 0.80, 3: 0.78, 4: 0.8, 5: 0.98, 6: 1.65}  # fmt: skip
# Begun over the weekend it shows on Monday; spells carry Monday's surplus on.
ILLNESS_BEGINS = (1.12, 0.82, 0.90, 0.97, 1.34)


@dataclass(frozen=True, slots=True)
class StageRates:
    """Pupils of one stage. The five shares follow Dräger et al. 2024 in kind and sum to one."""

    low: float
    moderate_authorised: float
    moderate_rising_unauthorised: float
    strong_rising_unauthorised: float
    strong_rising_authorised: float
    illness_spells: float
    """Mean illness spells a school year of a pupil with consistently low absence."""


def _stages() -> dict[str, StageRates]:
    return {
        # Årskurs 1–3: 4.4 % above 20 % (Borås).
        "lower": StageRates(0.921, 0.062, 0.006, 0.002, 0.009, 3.9),
        "middle": StageRates(0.838, 0.117, 0.011, 0.003, 0.031, 3.8),
        # Rising from årskurs 7 to 9 (Skolverket 2019); repeated ogiltig strö.
        "upper7": StageRates(0.789, 0.137, 0.020, 0.008, 0.046, 3.8),
        "upper8": StageRates(0.750, 0.158, 0.024, 0.014, 0.054, 3.9),
        "upper9": StageRates(0.699, 0.187, 0.031, 0.018, 0.065, 4.0),
        "secondary": StageRates(0.742, 0.140, 0.045, 0.025, 0.048, 3.9),
    }


@dataclass(frozen=True, slots=True)
class Rates:
    """The dials. Every test of a figure uses the defaults."""

    stages: dict[str, StageRates] = field(default_factory=_stages)

    # True absence
    illness_days: float = 2.0
    """Mean length of an illness spell in school days (geometric)."""
    illness_shape: float = 2.0
    """Gamma shape of how often pupils fall ill: smaller means more unequal."""
    leave_share: float = 0.16
    """Pupils with a granted leave (skollagen 7 kap. 18 §) in the year."""
    late_per_lesson: float = 0.008
    other_per_day: float = 0.003
    """Days with attendance elsewhere for a lesson or two, such as elevråd."""
    home_sitter_share: float = 0.0042
    """Wholly absent without reason for a month or more (Skolinspektionen 2015: 0.17 %)."""
    long_illness_share: float = 0.003
    wave_autumn: float = 0.25
    wave_spring: float = 0.60
    """Share of the units that an influenza wave passes in the term; at least one each term."""
    wave_attack: float = 0.30
    """Share of a unit's pupils whom a wave takes."""

    # What teachers and guardians say about it
    never_reporting_teachers: float = 0.010
    """One in a hundred teachers never reports (at least one in a municipality)."""
    sloppy_teachers: float = 0.04
    sloppy_unreported: float = 0.20
    unreported: float = 0.007
    """The rest; together 2–3 % of lessons are never reported."""
    late_register: float = 0.04
    """Registers that come after the school day has closed: hours to days."""
    slow_register: float = 0.12
    """Registers that come hours later, the same day."""
    corrections: float = 0.025
    """Registers with a mark that the teacher later corrects."""
    wrong_absent: float = 0.7
    """Of those: marked absent though present. The rest: present though absent."""
    cancelled: float = 0.010
    notice_before: float = 0.82
    """Illness days that the guardian reports before the first lesson."""
    notice_same_day: float = 0.10
    notice_later: float = 0.05
    """One to four days afterwards; what is left is never explained."""
    notice_deleted: float = 0.005
    skip_excused_later: float = 0.06
    login_abuse: float = 0.15
    """Truants who report themselves with a guardian's login, from the school day's middle."""
    login_abuse_days: float = 0.5
    confirmed: float = 0.5
    """Unexplained absence that staff confirm as ogiltig one to seven days later."""
    restating_units: float = 0.5
    """Units whose school system restates the marks when an excuse comes in late."""

    # People
    movers: float = 0.02
    joiners: float = 0.015
    leavers: float = 0.010
    newcomers: float = 0.04
    """Nyanlända: no personnummer yet."""
    confidential: float = 0.004
    protected_registration: float = 0.001
    guardian_without_address: float = 0.03
    suppressed: float = 0.002
    late_in_roster: float = 0.5
    """Joiners whose first lessons come before the roster knows them."""
    units_without_officer: int = 1
    """Units without närvaroansvarig (their rektor gets it all), where there are three or more."""
    study_days: int = 5


def without_noise(rates: Rates) -> Rates:
    """The same real attendance, told at once and rightly.

    Every lesson is reported while it is held, no mark is wrong, every excuse that
    ever comes is there before the lesson, and nobody is excused afterwards.
    Cancelled lessons, leave, and what a pupil reports with a guardian's login stay:
    they happened.
    """
    return replace(
        rates,
        never_reporting_teachers=0.0,
        sloppy_teachers=0.0,
        unreported=0.0,
        late_register=0.0,
        slow_register=0.0,
        corrections=0.0,
        notice_before=rates.notice_before + rates.notice_same_day + rates.notice_later,
        notice_same_day=0.0,
        notice_later=0.0,
        notice_deleted=0.0,
        skip_excused_later=0.0,
    )


def without_waves(rates: Rates) -> Rates:
    """The same school year, but nobody is taken by an influenza wave.

    A pupil whom no wave took is away in exactly the same lessons; one whom it took is
    away wherever another cause would have kept them at home.
    """
    return replace(rates, wave_attack=0.0)
