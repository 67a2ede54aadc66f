"""A person of every role, and five pupils' cases as each of them may stand to one: the own, one at
another unit, in another area, at another organiser, and one with skyddade personuppgifter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.chain.perform import perform
from services.cases.documents.render import digest
from services.cases.store import documents
from services.cases.store.scope import Viewer
from tests.integration.cases.world import (
    TUESDAY,
    YEAR,
    A,
    B,
    Organiser,
    Story,
    World,
    absence_day,
    delivery,
    give_duty,
    hire,
    made,
)

MONDAY = TUESDAY - timedelta(days=1)
SOUTH = made(A.key, "area", "south")
#: Role of the table -> login. ``holder`` is the närvaroansvarig whom the protected pupil's case
#: stands with; ``attendance_officer`` is another one of the same unit.
LOGINS = {
    "mentor": "maja",
    "attendance_officer": "tva",
    "holder": "karin",
    "principal": "rolf",
    "student_health": "elias",
    "coordinator": "kim",
    "team_leader": "tea",
    "area_manager": "ove",
    "organiser_officer": "anna",
    "compulsory_officer": "siv",
    "board": "nils",
    "operations": "disa",
}
_HIRED = (
    ("tva", "Tvåa", "Ersättson", "attendance_officer", "unit:bjork"),
    ("tea", "Tea", "Teamsson", "team_leader", "area"),
    ("ove", "Ove", "Områdsson", "area_manager", "area"),
    ("anna", "Anna", "Anmälsson", "organiser_officer", "all"),
    ("siv", "Siv", "Skolpliktsson", "compulsory_officer", "all"),
    ("nils", "Nils", "Nämndsson", "board", "all"),
    ("disa", "Disa", "Driftsson", "operations", "all"),
    # Asks to read, for others to say yes to.
    ("vik", "Vik", "Vikariesson", "student_health", "unit:ek"),
)
PDF = b"%PDF-1.7"
CONTACT = {"on": TUESDAY.isoformat(), "with_whom": ["pupil"], "way": "phone", "what": "Ett samtal."}


@dataclass(frozen=True)
class Target:
    """A pupil's case and what hangs on it, by the names that routes have for them."""

    name: str
    pupil_name: str
    pupil_id: UUID
    number: str
    case_id: UUID
    duty_id: UUID
    """The call home."""
    todo_id: UUID
    """A step of the municipality's routine."""
    class_id: UUID
    entry_id: UUID
    document_id: UUID
    unit_id: UUID
    asked: dict[str, UUID]
    """Openings that wait for a yes: one for the API, one for the page."""


NAMES = ("own", "unit", "area", "organiser", "protected")


async def gather(world: World) -> dict[str, Target]:
    """Everybody and everything, in the world's database."""
    await _people(world)
    for organiser in (A, B):
        await world.take(
            Story(organiser, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
            Story(organiser, "alva", pb.FAMILY_UNEXCUSED_TODAY).raised(TUESDAY).event(TUESDAY),
            Story(organiser, "dino", pb.FAMILY_SPORADIC, group="8B").raised(MONDAY).event(MONDAY),
            Story(organiser, "dino", pb.FAMILY_UNEXCUSED_TODAY, group="8B")
            .raised(TUESDAY)
            .event(TUESDAY),
            Story(organiser, "ebba", pb.FAMILY_SPORADIC, unit="ek", group="9C")
            .raised(MONDAY)
            .event(MONDAY),
        )
    await world.take(
        Story(A, "ivar", pb.FAMILY_LONG_TERM, unit="al", group="5D").raised(MONDAY).event(MONDAY)
    )
    # The other organiser's numbers are its own.
    await world.admin.execute(
        "UPDATE cases.cases SET number = 'B' || substr(number, 2) WHERE organiser_id = $1", B.id
    )
    for organiser, pupil in _PUPILS.values():
        await world.take_deliveries(
            delivery(organiser, pupil, TUESDAY, world.clock.now(), reason="no_address")
        )
        await world.take_days(absence_day(organiser, pupil, MONDAY, unexplained=300, absent=5))
    # Each at the pupil's own unit.
    await world.admin.execute(
        "UPDATE cases.deliveries d SET school_unit_id = c.school_unit_id FROM cases.cases c "
        "WHERE c.organiser_id = d.organiser_id AND c.pupil_id = d.pupil_id"
    )
    found = {}
    for name, (organiser, pupil) in _PUPILS.items():
        found[name] = await _target(world, name, organiser, pupil)
    await _shared(world, found)
    return found


_PUPILS: dict[str, tuple[Organiser, str]] = {
    "own": (A, "alva"),
    "unit": (A, "ebba"),
    "area": (A, "ivar"),
    "organiser": (B, "alva"),
    "protected": (A, "dino"),
}


async def _people(world: World) -> None:
    run = world.admin.execute
    await run("INSERT INTO people.areas VALUES ($1, $2, 'Område Söder')", A.id, SOUTH)
    await run(
        "INSERT INTO people.school_units (organiser_id, school_unit_id, name, area_id) "
        "VALUES ($1, $2, 'Alskolan', $3)",
        A.id,
        A.unit("al"),
        SOUTH,
    )
    await run(
        "INSERT INTO people.groups (organiser_id, group_id, school_unit_id, kind, grade, name) "
        "VALUES ($1, $2, $3, 'class', 5, '5D')",
        A.id,
        A.group("5D"),
        A.unit("al"),
    )
    await run(
        "INSERT INTO people.pupils (organiser_id, pupil_id, given_name, family_name, birth_date, "
        "sex, protection) VALUES ($1, $2, 'Ivar', 'Söderberg', $3, 'unknown', 'none')",
        A.id,
        A.pupil("ivar"),
        date(2015, 3, 3),
    )
    await run(
        "INSERT INTO people.placements VALUES ($1, $2, $3, $4, $5, 'GR', 5, $6, $7, NULL)",
        A.id,
        made(A.key, "placement", "ivar"),
        A.pupil("ivar"),
        A.unit("al"),
        A.group("5D"),
        YEAR,
        date(2026, 8, 18),
    )
    # The other organiser's pupil of the same kind is another person by name.
    await run(
        "UPDATE people.pupils SET given_name = 'Vilda', family_name = 'Främmande' "
        "WHERE organiser_id = $1 AND pupil_id = $2",
        B.id,
        B.pupil("alva"),
    )
    for login, given, family, role, where in _HIRED:
        await hire(world.admin, A, login, given, family)
        await give_duty(world.admin, A, login, role, where)
    await give_duty(world.admin, A, "maja", "mentor", "group:8B")
    await hire(world.admin, A, "sara", "Sara", "Söderrektor")
    await give_duty(world.admin, A, "sara", "attendance_officer", "unit:al")
    await world.admin.execute(
        "UPDATE people.duties SET substitute = true WHERE staff_id = $1", A.staff("tva")
    )


async def _target(world: World, name: str, organiser: Organiser, pupil: str) -> Target:
    case = await world.case(organiser, pupil)
    duty = await world.admin.fetchval(
        "SELECT duty_id FROM cases.duties WHERE organiser_id = $1 AND pupil_id = $2 "
        "AND kind = 'call_home'",
        organiser.id,
        organiser.pupil(pupil),
    )
    holder = Viewer(organiser.id, case["assigned_staff_id"])
    entry = await perform(world.database, holder, case["case_id"], "contact", CONTACT)
    document_id = made("document", name)
    fields = {
        "title": "Anmälan",
        "basis": "Lämnas enligt skollagen 7 kap. 19 a §.",
        "fields": [{"name": "case_number", "label": "Ärende", "text": case["number"]}],
    }
    async with world.database.system(organiser.id) as connection:
        await documents.create(
            connection,
            documents.Document(
                organiser_id=organiser.id,
                document_id=document_id,
                direction="sent",
                kind="kaa_notice" if name == "unit" else "report_to_organiser",
                case_id=case["case_id"],
                entry_id=None,
                school_unit_id=case["school_unit_id"],
                sender="Skolan",
                recipient="Huvudmannen",
                fields=fields,
                digest=digest(fields, PDF),
                created_at=world.clock.now(),
                created_by=holder.staff_id,
                sent_at=world.clock.now(),
            ),
            PDF,
        )
    row = await world.admin.fetchrow(
        "SELECT given_name || ' ' || family_name AS name FROM people.pupils "
        "WHERE organiser_id = $1 AND pupil_id = $2",
        organiser.id,
        organiser.pupil(pupil),
    )
    assert row is not None
    asked = {}
    for way in ("api", "page"):
        asked[way] = made("asked", name, way)
        await world.admin.execute(
            """
            INSERT INTO cases.openings (organiser_id, opening_id, case_id, school_unit_id,
                staff_id, kind, reason, asked_at, protected, expires_at)
            VALUES ($1, $2, $3, $4, $5, 'break_glass', 'Hoppar in för en kollega.',
                $6, $7, $8)
            """,
            organiser.id,
            asked[way],
            case["case_id"],
            case["school_unit_id"],
            organiser.staff("vik"),
            world.clock.now(),
            name == "protected",
            None if name == "protected" else world.clock.now() + timedelta(minutes=1),
        )
    return Target(
        name=name,
        pupil_name=row["name"],
        pupil_id=organiser.pupil(pupil),
        number=case["number"],
        case_id=case["case_id"],
        duty_id=duty,
        todo_id=await todo(world, case["case_id"]),
        class_id=case["class_id"],
        entry_id=entry.entry_id,
        document_id=document_id,
        unit_id=case["school_unit_id"],
        asked=asked,
    )


async def todo(world: World, case_id: UUID) -> UUID:
    """A duty of the ladder, beside the first one of the case."""
    duty_id = made("todo", case_id)
    await world.admin.execute(
        """
        INSERT INTO cases.duties SELECT (jsonb_populate_record(d,
            jsonb_build_object('duty_id', $2::text, 'kind', 'ladder'))).*
        FROM cases.duties d WHERE d.case_id = $1 AND d.kind = 'acknowledge' LIMIT 1
        """,
        case_id,
        str(duty_id),
    )
    return duty_id


async def _shared(world: World, targets: dict[str, Target]) -> None:
    """The own case has a coordinator, the protected pupil's waits for one."""
    shares = (
        ("own", "coordination", None),
        ("own", "member", A.staff("kim")),
        ("protected", "queue", None),
    )
    for name, audience, staff in shares:
        await world.admin.execute(
            "INSERT INTO cases.case_shares (organiser_id, share_id, case_id, audience, staff_id, "
            "since) VALUES ($1, $2, $3, $4, $5, $6)",
            A.id,
            made("share", name, audience),
            targets[name].case_id,
            audience,
            staff,
            world.clock.now(),
        )
