"""Pupils with families and stays, staff with duties."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from bench.simulator import names, timetable
from bench.simulator.calendar import SchoolYear
from bench.simulator.config import SimulatorConfig
from bench.simulator.seeds import rng
from bench.simulator.world import Duty, Guardian, Pupil, SchoolClass, StaffMember, Stay, Unit

Sizes = list[int]


def _class_sizes(config: SimulatorConfig, count: int) -> Sizes:
    """About 25 each, unequal, together exactly the number asked for."""
    generator = rng(config.seed, "sizes")
    weights = 25 + generator.integers(-3, 4, count)
    exact = config.pupils * weights / weights.sum()
    sizes = np.floor(exact).astype(int)
    short = config.pupils - int(sizes.sum())
    for index in np.argsort(sizes - exact)[:short]:
        sizes[index] += 1
    return [int(size) for size in sizes]


def _stays(
    generator: np.random.Generator,
    config: SimulatorConfig,
    start: date,
    home: SchoolClass,
    classes: list[SchoolClass],
    *,
    inner: list[date],
    newcomer: bool,
) -> tuple[Stay, ...]:
    """``inner`` are the dates on which somebody may move, join or leave."""
    rates = config.rates
    draw = float(generator.random())
    when = inner[int(generator.integers(len(inner)))]
    joins = rates.joiners * (6 if newcomer else 1)
    if draw < joins:
        return (Stay(home.index, when, None),)
    if draw < joins + rates.leavers:
        return (Stay(home.index, start, when),)
    if draw < joins + rates.leavers + rates.movers:
        others = [
            c for c in classes if c.stage == home.stage and c.grade == home.grade and c is not home
        ]
        if others:
            near = [c for c in others if c.unit == home.unit]
            pool = near if near and generator.random() < 0.6 else others
            other = pool[int(generator.integers(len(pool)))]
            return (Stay(home.index, start, when), Stay(other.index, when, None))
    return (Stay(home.index, start, None),)


def _birth_year(config: SimulatorConfig, school_class: SchoolClass) -> int:
    """Årskurs 1 begins in the year a child turns seven (skollagen 7 kap. 10 §, before 2028)."""
    grade = school_class.grade + (9 if school_class.stage == "secondary" else 0)
    return config.school_year - 6 - grade


def pupils_and_guardians(
    config: SimulatorConfig, year: SchoolYear, classes: list[SchoolClass]
) -> tuple[list[Pupil], list[Guardian]]:
    """Exactly ``config.pupils`` pupils; siblings share guardians."""
    rates = config.rates
    civic = names.CivicNumbers()
    pupils: list[Pupil] = []
    guardians: list[Guardian] = []
    sizes = _class_sizes(config, len(classes))
    start = year.terms[0].first
    inner = [day for day in year.days() if (day - start).days >= 14]
    for school_class in classes:
        for _ in range(sizes[school_class.index]):
            index = len(pupils)
            own = rng(config.seed, "pupil", index)
            female = bool(own.random() < 0.487)
            newcomer = bool(own.random() < rates.newcomers)
            born = date(_birth_year(config, school_class), 1, 1) + timedelta(
                days=int(own.integers(365))
            )
            born, civic_no = civic.take(born, female)
            stays = _stays(
                own, config, start, school_class, classes, inner=inner, newcomer=newcomer
            )
            sibling = pupils[int(own.integers(index))] if index and own.random() < 0.3 else None
            if sibling is None:
                family = names.family_name(own)
                keys = _family(own, guardians, family, rates.guardian_without_address)
            else:
                family, keys = sibling.family_name, sibling.guardians
            protection = "none"
            draw = float(own.random())
            if draw < rates.protected_registration:
                protection = "protected_registration"
            elif draw < rates.protected_registration + rates.confidential:
                protection = "confidential"
            first = stays[0].first
            joined = first > start
            late = joined and own.random() < rates.late_in_roster
            languages = timetable.has_languages(school_class)
            language = int(own.integers(timetable.language_count()))
            pupils.append(
                Pupil(
                    index=index,
                    id=f"p{index + 1}",
                    given_name=names.given_name(own, female),
                    family_name=family,
                    born=born,
                    civic_no=None if newcomer else civic_no,
                    female=female,
                    protection=protection,
                    newcomer=newcomer,
                    stays=stays,
                    language=language if languages else None,
                    guardians=keys,
                    suppressed=bool(own.random() < rates.suppressed),
                    in_roster_from=first + timedelta(days=int(own.integers(1, 4)) if late else 0),
                )
            )
    return pupils, guardians


def _family(
    generator: np.random.Generator, guardians: list[Guardian], family: str, without: float
) -> tuple[str, ...]:
    """Adds one or two guardians and returns their ids."""
    keys: list[str] = []
    for _ in range(2 if generator.random() < 0.85 else 1):
        number = len(guardians) + 1
        reachable = generator.random() >= without
        guardians.append(
            Guardian(
                id=f"g{number}",
                given_name=names.given_name(generator, bool(generator.random() < 0.5)),
                family_name=family,
                email=names.address(f"vardnadshavare{number}") if reachable else None,
                phone=names.phone(number) if reachable else None,
            )
        )
        keys.append(f"g{number}")
    return tuple(keys)


def language_spans(
    pupil: Pupil, units: Sequence[Unit], classes: Sequence[SchoolClass]
) -> list[tuple[str, date, date | None]]:
    """The pupil's language groups: group id, first day, end (exclusive)."""
    if pupil.language is None:
        return []
    spans: list[tuple[str, date, date | None]] = []
    for stay in pupil.stays:
        home = classes[stay.school_class]
        group = timetable.language_group(units[home.unit], home, pupil.language)
        if spans and spans[-1][0] == group and spans[-1][2] == stay.first:
            spans[-1] = (group, spans[-1][1], stay.end)
        else:
            spans.append((group, stay.first, stay.end))
    return spans


class _Staff:
    def __init__(self, seed: int) -> None:
        self.members: list[StaffMember] = []
        self.duties: list[Duty] = []
        self._seed = seed

    def hire(self, login: str, webhook_url: str | None = None) -> str:
        number = len(self.members) + 1
        own = rng(self._seed, "staff", number)
        self.members.append(
            StaffMember(
                id=f"s{number}",
                given_name=names.given_name(own, bool(own.random() < 0.6)),
                family_name=names.family_name(own),
                login=login,
                webhook_url=webhook_url,
            )
        )
        return f"s{number}"

    def charge(
        self,
        staff: str,
        role: str,
        *,
        area: str | None = None,
        unit: str | None = None,
        school_class: str | None = None,
        grades: tuple[int, ...] = (),
        substitute: bool = False,
    ) -> None:
        number = f"d{len(self.duties) + 1}"
        self.duties.append(Duty(number, staff, role, area, unit, school_class, grades, substitute))


#: Those who answer for the whole organiser.
ORGANISERS_OWN = (
    ("anmalan", "organiser_officer"),
    ("skolplikt", "compulsory_officer"),
    ("namnd", "board"),
    ("drift", "operations"),
)


def staff_and_duties(
    config: SimulatorConfig,
    areas: tuple[tuple[str, str], ...],
    units: list[Unit],
    classes: list[SchoolClass],
) -> tuple[list[StaffMember], list[Duty]]:
    """Coordinators, their leader and a manager per area; rektor, närvaroansvarig, substitute and
    elevhälsa per unit; mentors; who answers for the whole organiser.

    The last units (``rates.units_without_officer``) have no närvaroansvarig;
    the first unit has one more for its three oldest årskurser.
    """
    staff = _Staff(config.seed)
    without = config.rates.units_without_officer if len(units) >= 3 else 0
    for area, _ in areas:
        staff.charge(staff.hire(f"koordinator.{area}"), "coordinator", area=area)
    for unit in units:
        staff.charge(staff.hire(f"rektor.{unit.id}"), "principal", unit=unit.id)
        staff.charge(staff.hire(f"elevhalsa.{unit.id}"), "student_health", unit=unit.id)
        if unit.index < len(units) - without:
            officer = staff.hire(f"narvaro.{unit.id}", config.webhook_url)
            staff.charge(officer, "attendance_officer", unit=unit.id)
            deputy = staff.hire(f"vikarie.{unit.id}", config.webhook_url)
            staff.charge(deputy, "attendance_officer", unit=unit.id, substitute=True)
        if unit.index == 0:
            senior = staff.hire(f"narvaro.{unit.id}.79", config.webhook_url)
            staff.charge(senior, "attendance_officer", unit=unit.id, grades=(7, 8, 9))
    for school_class in classes:
        mentor = staff.hire(f"mentor.{school_class.id.lower()}")
        staff.charge(mentor, "mentor", school_class=school_class.id)
    for area, _ in areas:
        staff.charge(staff.hire(f"teamledare.{area}"), "team_leader", area=area)
        staff.charge(staff.hire(f"omradeschef.{area}"), "area_manager", area=area)
    for login, role in ORGANISERS_OWN:
        staff.charge(staff.hire(login), role)
    return staff.members, staff.duties
