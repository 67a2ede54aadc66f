"""The desk where documents come: the huvudman's officer receives anmälningar, and the elevhälsa's
journal system takes them over. Each reading and each receipt is audited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from services.cases.documents.render import digest
from services.cases.store import audit, cases, documents, entries, reading, shares
from services.cases.store.cases import Happened
from services.cases.store.documents import Document
from services.cases.store.scope import Database, Viewer, as_system
from services.cases.views.models import Shown
from services.common.problem import Problem

if TYPE_CHECKING:
    from services.common.pg import Connection

_PAGE = 200
KINDS = {
    "report_to_organiser": "Anmälan till huvudmannen",
    "report_result": "Resultat av utredning",
    "home_municipality_notice": "Uppgift till hemkommunen",
    "csn_report": "Rapport till CSN",
    "kaa_notice": "Uppgift till aktivitetsansvaret",
    "coordination_request": "Beställning av koordinator",
}


class DocumentShown(Shown):
    """A document: its fields as sent, and where it is."""

    document_id: UUID
    kind: str
    words: str
    direction: str
    case_id: UUID | None
    case_number: str | None
    sender: str
    recipient: str
    fields: dict[str, Any]
    sha256: str
    """Over the fields' canonical JSON followed by the PDF."""
    created_at: datetime
    created_by: str | None
    sent_at: datetime | None
    by_hand: bool
    """Nobody here can carry it: somebody sends it, and says so."""
    receipt: dict[str, Any] | None
    received_at: datetime | None
    received_by: str | None
    journal_at: datetime | None
    journal_reference: str | None


class Desk(Shown):
    """Anmälningar: those that wait, and the newest of the others."""

    waiting: list[DocumentShown]
    received: list[DocumentShown]


async def read_desk(database: Database, viewer: Viewer) -> Desk:
    """The anmälningar that the viewer may see."""
    async with database.person(viewer) as connection:
        waiting = await documents.inbox(connection, waiting=True, limit=_PAGE)
        done = await documents.inbox(connection, waiting=False, limit=_PAGE)
        shown = Desk(
            waiting=await shown_of(connection, waiting), received=await shown_of(connection, done)
        )
        await _audit(
            connection, database, viewer, "documents.read", None, count=len(waiting + done)
        )
    return shown


async def read_document(database: Database, viewer: Viewer, document_id: UUID) -> DocumentShown:
    """One document with its fields."""
    async with database.person(viewer) as connection:
        held = await _one(connection, document_id)
        (shown,) = await shown_of(connection, [held])
        await _audit(connection, database, viewer, "document.read", held)
    return shown


async def read_pdf(database: Database, viewer: Viewer, document_id: UUID) -> bytes:
    """The PDF, byte for byte what was sent: one that has been changed is not shown."""
    async with database.person(viewer) as connection:
        held = await _one(connection, document_id)
        pdf = await documents.pdf(connection, document_id) or b""
        if digest(held.fields, pdf) != held.digest:
            raise Problem(
                500, "document_changed", "Handlingen stämmer inte med sin kontrollsumma. Larma IT."
            )
        await _audit(connection, database, viewer, "document.pdf_read", held)
    return pdf


async def receive(database: Database, viewer: Viewer, document_id: UUID) -> None:
    """The officer has it on the desk: the school sees that it has come, and when."""
    async with database.person(viewer) as connection:
        held = await _one(connection, document_id)
        await _only(
            connection, held, {"organiser_officer"}, "Anmälan tas emot av huvudmannens handläggare."
        )
        async with as_system(connection):
            if not await documents.received(
                connection, document_id, database.now(), viewer.staff_id
            ):
                raise Problem(409, "already_received", "Anmälan är redan mottagen.")
            await _moved(connection, database, held, "received", viewer.staff_id)
        await _audit(connection, database, viewer, "document.received", held)


async def sent_by_hand(database: Database, viewer: Viewer, document_id: UUID, way: str) -> None:
    """The receiver is in no tenant here: somebody has sent the document, and says by which way."""
    async with database.person(viewer) as connection:
        held = await _one(connection, document_id)
        await _only(
            connection,
            held,
            {"attendance_officer", "principal", "organiser_officer"},
            "Handlingen skickas av skolans närvaroansvariga, rektorn eller huvudmannen.",
        )
        if not way.strip():
            raise Problem(422, "no_way", "Skriv hur handlingen skickades.", field="/way")
        if held.other_organiser_id is not None or held.direction != "sent":
            raise Problem(409, "carried", "Den här handlingen skickas av systemet.")
        receipt = {"way": way.strip()}
        async with as_system(connection):
            if not await documents.sent(connection, document_id, database.now(), receipt):
                raise Problem(409, "already_sent", "Handlingen är redan skickad.")
            await _noted(connection, database, held, "document_sent", viewer.staff_id)
        await _audit(connection, database, viewer, "document.sent", held)


async def file(database: Database, viewer: Viewer, document_id: UUID, reference: str) -> None:
    """It has been put into the elevhälsa's journal system, under the number there."""
    async with database.person(viewer) as connection:
        held = await _one(connection, document_id)
        await _only(
            connection,
            held,
            {"student_health", "principal", "organiser_officer"},
            "Anmälan förs till journalen av elevhälsan, rektorn eller huvudmannens handläggare.",
        )
        await _file(connection, database, held, reference.strip(), viewer.staff_id)
        await _audit(connection, database, viewer, "document.filed", held)


async def export(
    database: Database, organiser_id: UUID, limit: int
) -> list[tuple[Document, bytes]]:
    """What the journal system has not taken over yet; audited as the service's own work."""
    async with database.system(organiser_id) as connection:
        found = await documents.unfiled(connection, limit)
        await audit.write(
            connection,
            organiser_id,
            database.now(),
            None,
            "documents.exported",
            documents=[str(document.document_id) for document, _ in found],
        )
    return found


async def filed_by_system(
    database: Database, organiser_id: UUID, document_id: UUID, reference: str
) -> bool:
    """The journal system says that it has it; the same word twice is one."""
    async with database.system(organiser_id) as connection:
        held = await documents.one(connection, document_id, lock=True)
        if held is None:
            return False
        if held.journal_at is None:
            await _file(connection, database, held, reference, None)
            await audit.write(
                connection,
                organiser_id,
                database.now(),
                None,
                "document.filed",
                case_id=held.case_id,
                document=str(document_id),
            )
    return True


async def _file(
    connection: Connection, database: Database, held: Document, reference: str, by: UUID | None
) -> None:
    if not reference:
        raise Problem(422, "no_reference", "Skriv numret i journalsystemet.", field="/reference")
    async with as_system(connection):
        if not await documents.filed(connection, held.document_id, database.now(), reference):
            raise Problem(409, "already_filed", "Anmälan är redan förd till journalen.")
        await _moved(connection, database, held, "filed", by)


async def _moved(
    connection: Connection, database: Database, held: Document, status: str, by: UUID | None
) -> None:
    """The school's own entry follows what becomes of its document."""
    if held.entry_id is None or held.case_id is None:
        return
    entry = await entries.one(connection, held.entry_id, lock=True)
    if entry is not None and not (status == "received" and entry.status == "filed"):
        await entries.revise(
            connection,
            entry,
            body=entry.body,
            status=status,
            at=database.now(),
            # A system has no name of its own: whoever wrote it last stands for it.
            by=by or entry.updated_by,
        )
    await _noted(connection, database, held, f"document_{status}", by)


async def _noted(
    connection: Connection, database: Database, held: Document, kind: str, by: UUID | None
) -> None:
    if held.case_id is None:
        return
    line = Happened(
        event_id=database.new_id(),
        case_id=held.case_id,
        at=database.now(),
        kind=kind,
        actor_staff_id=by,
        detail={"kind": held.kind},
    )
    await cases.history(connection, held.organiser_id, [line])


async def _one(connection: Connection, document_id: UUID) -> Document:
    held = await documents.one(connection, document_id)
    if held is None:
        raise Problem(
            404,
            "no_such_document",
            "Det finns ingen sådan handling, eller så ingår den inte i ditt uppdrag.",
        )
    return held


async def _only(connection: Connection, held: Document, roles: set[str], sentence: str) -> None:
    """Whoever has one of the roles where the document's case stands."""
    if held.case_id is None or not roles & await shares.roles_on(connection, held.case_id):
        raise Problem(403, "not_your_step", sentence)


async def shown_of(connection: Connection, held: Sequence[Document]) -> list[DocumentShown]:
    """Documents in words; the case's number where the viewer may see the case."""
    if not held:
        return []
    staff = {one.created_by for one in held} | {one.received_by for one in held}
    names = await reading.staff_names(connection, sorted(one for one in staff if one))
    numbers = {
        row["case_id"]: row["number"]
        for row in await connection.fetch(
            "SELECT case_id, number FROM cases.cases WHERE case_id = ANY ($1::uuid[])",
            [one.case_id for one in held if one.case_id],
        )
    }
    return [
        DocumentShown(
            document_id=one.document_id,
            kind=one.kind,
            words=KINDS.get(one.kind, one.kind),
            direction=one.direction,
            case_id=one.case_id,
            case_number=numbers.get(one.case_id) if one.case_id else None,
            sender=one.sender,
            recipient=one.recipient,
            fields=dict(one.fields),
            sha256=one.digest.hex(),
            created_at=one.created_at,
            created_by=names.get(one.created_by) if one.created_by else None,
            sent_at=one.sent_at,
            by_hand=one.direction == "sent" and one.other_organiser_id is None,
            receipt=dict(one.receipt) if one.receipt else None,
            received_at=one.received_at,
            received_by=names.get(one.received_by) if one.received_by else None,
            journal_at=one.journal_at,
            journal_reference=one.journal_reference,
        )
        for one in held
    ]


async def _audit(
    connection: Connection,
    database: Database,
    viewer: Viewer,
    action: str,
    held: Document | None,
    **detail: object,
) -> None:
    if held is not None:
        detail["document"] = str(held.document_id)
    await audit.write(
        connection,
        viewer.organiser_id,
        database.now(),
        viewer.staff_id,
        action,
        case_id=held.case_id if held else None,
        **detail,
    )
