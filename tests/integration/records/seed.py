"""A pupil with unique words in every store that has a place for one, and another beside her."""

from __future__ import annotations

import json
from datetime import date, timedelta

from forvarning.facts.v1 import facts_pb2 as facts
from forvarning.warnings.v1 import warnings_pb2 as pb
from services.cases.actions import CaseActions
from services.common import topics
from tests.integration.cases.world import TUESDAY, A, Story, World, absence_day, delivery, made

MONDAY = TUESDAY - timedelta(days=1)
CIVIC = "201304059991"
SOURCE, OTHER = made("source"), made("source", 2)
SS_PERSON, SS_OTHER = made("ss", "alva"), made("ss", "bo")
#: What can name the pupil or lead to her. The surnames of her guardians are hers.
NAMING = (
    "Alvaunik", "Exempelssonunik", CIVIC, "alva.unik@example.org", "070-999 00 01",
    "Verasunik", "vera.unik@example.org", "elev-unik-4711", str(SS_PERSON),
    "Ett ord om Alvaunik",
)  # fmt: skip


async def seeded(world: World) -> None:
    """Alva in every store that has a place for her, and another pupil beside her."""
    run, alva, bo = world.admin.execute, A.pupil("alva"), A.pupil("bo")
    await run(
        "UPDATE people.pupils SET given_name = 'Alvaunik', family_name = 'Exempelssonunik', "
        "email = 'alva.unik@example.org', phone = '070-999 00 01' WHERE pupil_id = $1",
        alva,
    )
    await run(
        "UPDATE people.guardians SET given_name = 'Verasunik', family_name = 'Exempelssonunik', "
        "email = 'vera.unik@example.org' WHERE guardian_id IN "
        "(SELECT guardian_id FROM people.guardian_relations WHERE pupil_id = $1)",
        alva,
    )
    await run("INSERT INTO people.civic_numbers VALUES ($1, $2, $3)", A.id, alva, CIVIC)
    await run("INSERT INTO people.memberships VALUES ($1, $2, $3, $4)", A.id, alva,
              A.group(), date(2026, 8, 18))  # fmt: skip
    await run("INSERT INTO people.wake_from VALUES ($1, $2, $3)", A.id, alva, MONDAY)
    await run("INSERT INTO people.notice_suppressions VALUES ($1, $2, 'Elevhälsan ringer', $3)",
              A.id, alva, MONDAY)  # fmt: skip
    for source, namespace in ((SOURCE, "sis"), (OTHER, "sis2")):
        await run(
            "INSERT INTO ingest.sources (organiser_id, source_id, name, namespace, token_sha256, "
            "scopes, priority, quota_per_minute) VALUES ($1, $2, $3, $3, $4, '{}', 1, 1)",
            A.id, source, namespace, source.bytes,
        )  # fmt: skip
    for namespace, name, pupil in (
        ("sis", "elev-unik-4711", alva), ("sis", "elev-2", bo),
        ("sis2", str(SS_PERSON), alva), ("sis2", str(SS_OTHER), bo),
    ):  # fmt: skip
        await run("INSERT INTO people.external_ids VALUES ($1, $2, 'pupil', $3, $4)",
                  A.id, namespace, name, pupil)  # fmt: skip
    await _homes(world)
    await _ss12000(world)
    parked = facts.Fact(organiser_id=A.id.bytes).SerializeToString()
    for name in ("elev-unik-4711", "elev-2"):
        await run(
            "INSERT INTO ingest.parked VALUES ($1, 'sis', $2, $3, 2026, 1, 1, 1, $4, now())",
            A.id, name, made("about", name), parked,
        )  # fmt: skip
    await run(
        "INSERT INTO people.held_rosters (organiser_id, held_id, source_id, state, received_at, "
        "reasons, content) VALUES ($1, $2, $3, 'waiting', now(), '[]', $4)",
        A.id, made("held"), SOURCE, b"Alvaunik",
    )  # fmt: skip
    await _cases(world)
    if await world.admin.fetchval("SELECT to_regclass('cases.entries') IS NOT NULL"):
        await _chain(world)


async def _homes(world: World) -> None:
    run = world.admin.execute
    for year, home in ((2025, made("home", 2025)), (2026, made("home", 2026))):
        await run("INSERT INTO ingest.homes VALUES ($1, $2, $3, $4, $5)",
                  A.id, home, A.unit(), year, year % 8)  # fmt: skip
        await run("INSERT INTO ingest.buckets VALUES ($1, $2, 3, $3, 2)", A.id, home, A.group())
        for pupil in ("alva", "bo"):
            await run("INSERT INTO ingest.pupil_homes VALUES ($1, $2, $3, $4, 3)",
                      A.id, A.pupil(pupil), year, home)  # fmt: skip
    for pupil in ("alva", "bo"):
        await run("INSERT INTO ingest.published VALUES ($1, $2, $3, 'd', $4)", A.id,
                  topics.ROSTER.name, f"pupil:{A.pupil(pupil)}".encode(),
                  A.pupil(pupil).bytes)  # fmt: skip
        await run("INSERT INTO ingest.published VALUES ($1, $2, $3, 'd', $4)", A.id,
                  topics.FACTS.name, made(A.key, "placement", pupil).bytes,
                  A.pupil(pupil).bytes)  # fmt: skip


async def _ss12000(world: World) -> None:
    run = world.admin.execute
    event, group = made("event"), made("ss-group")
    for person, body in ((SS_PERSON, {"givenName": "Alvaunik"}), (SS_OTHER, {"givenName": "Bo"})):
        await run(
            "INSERT INTO people.ss12000_persons (organiser_id, source_id, id, created, modified, "
            "body) VALUES ($1, $2, $3, now(), now(), $4)",
            A.id, OTHER, person, json.dumps(body),
        )  # fmt: skip
        await run(
            "INSERT INTO ingest.ss12000_attendances (organiser_id, source_id, id, calendar_event, "
            "student, created, modified, present, valid, invalid, other, reported) "
            "VALUES ($1, $2, $3, $4, $5, now(), now(), 0, 60, 0, 0, true)",
            A.id, OTHER, made("att", person), event, person,
        )  # fmt: skip
        await run("INSERT INTO ingest.ss12000_refs VALUES ($1, $2, 'Group', $3, $4)",
                  A.id, OTHER, group, person)  # fmt: skip
        await run("INSERT INTO ingest.ss12000_refs VALUES ($1, $2, 'Absence', $3, $4)",
                  A.id, OTHER, made("abs", person), person)  # fmt: skip
        await run(
            "INSERT INTO ingest.ss12000_entities (organiser_id, source_id, resource, id, created, "
            "modified, body) VALUES ($1, $2, 'Absence', $3, now(), now(), $4)",
            A.id, OTHER, made("abs", person), json.dumps({"student": str(person)}),
        )  # fmt: skip
    members = [{"person": {"id": str(one)}, "startDate": "2026-08-18"} for one in
               (SS_PERSON, SS_OTHER)]  # fmt: skip
    await run(
        "INSERT INTO ingest.ss12000_entities (organiser_id, source_id, resource, id, created, "
        "modified, body) VALUES ($1, $2, 'Group', $3, now(), now(), $4)",
        A.id, OTHER, group, json.dumps({"groupMemberships": members, "displayName": "7A"}),
    )  # fmt: skip
    await run(
        "INSERT INTO ingest.ss12000_events (organiser_id, source_id, id, created, modified, "
        "activity, starts, ends, cancelled, exceptions, said_pupils) "
        "VALUES ($1, $2, $3, now(), now(), $4, now(), now(), false, $5, $6)",
        A.id, OTHER, event, made("activity"),
        json.dumps({str(SS_PERSON): [True, 40], str(SS_OTHER): [False, None]}),
        [SS_PERSON, SS_OTHER],
    )  # fmt: skip
    await run(
        "INSERT INTO ingest.pulls (organiser_id, source_id, base_url, auth, resources, page_size, "
        "interval_seconds, overlap_seconds, full_every_hours, subscribe, feedback, since, next_at) "
        "VALUES ($1, $2, 'http://x', 'none', '{}', 1, 1, 0, 1, false, false, now(), now())",
        A.id, OTHER,
    )  # fmt: skip
    await run("INSERT INTO ingest.pull_problems VALUES "
              "($1, $2, 'Person', 'x', '/y', 'Error', $3, 1, 1, now())",
              A.id, OTHER, str(SS_PERSON))  # fmt: skip


async def _cases(world: World) -> None:
    await world.take(
        Story(A, "alva", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
        Story(A, "alva", pb.FAMILY_UNEXCUSED_TODAY).raised(TUESDAY).event(TUESDAY),
        Story(A, "bo", pb.FAMILY_LONG_TERM).raised(MONDAY).event(MONDAY),
    )
    await world.take_days(
        *(absence_day(A, name, MONDAY, unexplained=300, absent=5) for name in ("alva", "bo"))
    )
    await world.take_deliveries(
        *(delivery(A, name, TUESDAY, world.clock.now()) for name in ("alva", "bo"))
    )
    for name in ("alva", "bo"):
        case = await world.case(A, name)
        text = "Ett ord om Alvaunik" if name == "alva" else "Ett ord"
        await CaseActions(world.database).comment(A.viewer("karin"), case["case_id"], text)
        message, obligation = made("message", name), made("obligation", name)
        await world.admin.execute(
            "INSERT INTO notify.obligations (organiser_id, obligation_id, thread_id, revision, "
            "pupil_id, school_unit_id, school_date, state, raised_at, due_at) "
            "VALUES ($1, $2, $3, 1, $4, $5, $6, 'arranged', now(), now())",
            A.id, obligation, made("thread", name), A.pupil(name), A.unit(), TUESDAY,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.threads VALUES ($1, $2, 1)", A.id, made("thread", name)
        )
        await world.admin.execute(
            "INSERT INTO notify.messages (organiser_id, message_id, kind, channel, recipient_kind, "
            "recipient_id, school_date, occurred_at, state, due_at, give_up_at) VALUES "
            "($1, $2, 'same_day', 'mail', 'guardian', $3, $4, now(), 'sent', now(), now())",
            A.id, message, made("guardian", name), TUESDAY,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.attempts VALUES ($1, $2, 1, now(), 'sent', '250')", A.id, message
        )
        await world.admin.execute(
            "INSERT INTO notify.deliveries (organiser_id, delivery_id, kind, state, pupil_id, "
            "school_unit_id, school_date, message_id, obligation_id, changed_at) "
            "VALUES ($1, $2, 'same_day', 'sent', $3, $4, $5, $6, $7, now())",
            A.id, made("delivery", name), A.pupil(name), A.unit(), TUESDAY, message, obligation,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.outbox (organiser_id, aggregatetype, aggregateid, type, payload, "
            "created_at) VALUES ($1, 'delivery', $2, 'sent', $3, now())",
            A.id, message, A.pupil(name).bytes,
        )  # fmt: skip
        await world.admin.execute(
            "INSERT INTO notify.dead_letters (topic, partition, record_offset, reason, payload, at)"
            " VALUES ('t', 0, $1, 'x', $2, now())", len(name), b"x" + A.pupil(name).bytes,
        )  # fmt: skip


async def _chain(world: World) -> None:
    """What people write in a case, who has a part in it, and what is sent."""
    run = world.admin.execute
    for name in ("alva", "bo"):
        case = (await world.case(A, name))["case_id"]
        word = f"Kartläggning av {'Alvaunik' if name == 'alva' else 'Bo'}"
        entry, body = made("entry", name), json.dumps({"text": word})
        await run(
            "INSERT INTO cases.entries (organiser_id, entry_id, case_id, school_unit_id, kind, "
            "status, body, sensitivity, school_date, created_at, created_by, updated_at, "
            "updated_by) VALUES ($1, $2, $3, $4, 'contact', 'done', $5, 'ordinary', $6, now(), $7, "
            "now(), $7)",
            A.id, entry, case, A.unit(), body, TUESDAY, A.staff("karin"),
        )  # fmt: skip
        await run(
            "INSERT INTO cases.entry_revisions VALUES "
            "($1, $2, 1, 'done', $3, 'ordinary', now(), $4)",
            A.id, entry, body, A.staff("karin"),
        )  # fmt: skip
        await run(
            "INSERT INTO cases.documents (organiser_id, document_id, direction, kind, case_id, "
            "entry_id, school_unit_id, sender, recipient, fields, pdf, digest, created_at) VALUES "
            "($1, $2, 'sent', 'report_to_organiser', $3, $4, $5, 'a', 'b', $6, $7, 'd', now())",
            A.id, made("document", name), case, entry, A.unit(), body, word.encode(),
        )  # fmt: skip
        # What another organiser has sent about the pupil, and nobody has put with a case yet.
        await run(
            "INSERT INTO cases.documents (organiser_id, document_id, direction, kind, "
            "school_unit_id, sender, recipient, fields, pdf, digest, created_at, received_at) "
            "VALUES ($1, $2, 'received', 'home_municipality_notice', $3, 'a', 'b', $4, 'p', 'd', "
            "now(), now())",
            A.id, made("received", name), A.unit(),
            json.dumps({"civic_number": CIVIC if name == "alva" else "201309179992"}),
        )  # fmt: skip
        await run(
            "INSERT INTO cases.case_shares VALUES ($1, $2, $3, 'member', $4, now())",
            A.id, made("share", name), case, A.staff("kim"),
        )  # fmt: skip
        await run(
            "INSERT INTO cases.openings (organiser_id, opening_id, case_id, school_unit_id, "
            "staff_id, kind, reason, asked_at, protected, expires_at) VALUES ($1, $2, $3, $4, $5, "
            "'break_glass', $6, now(), false, now() + interval '1 hour')",
            A.id, made("opening", name), case, A.unit(), A.staff("rut"), f"hoppar in: {word}",
        )  # fmt: skip
        await run("INSERT INTO cases.settled VALUES ($1, $2, 1)", A.id, case)
