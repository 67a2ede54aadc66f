"""A school system that answers as Skolverket's reference API for the national tests does.

Written from reading how that one behaves (github.com/skolverket/dnp-ss12000-reference-api): roster
only, and of its entities the few fields it knows; lists as they stream out of a database, with
no ``pageToken`` where they end, and one that leads to an empty page where a page was just full;
nothing limits a page that names no ``limit``; deletions by the second; errors of three kinds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse

from tests.support.ss12000.municipality import Entity

FIELDS: Mapping[str, frozenset[str]] = {
    "organisations": frozenset({"displayName", "schoolUnitCode", "organisationType"}),
    "persons": frozenset({
        "givenName", "middleName", "familyName", "eduPersonPrincipalNames", "civicNo",
        "securityMarking", "emails", "enrolments", "externalIdentifiers",
    }),
    "groups": frozenset({
        "displayName", "groupType", "schoolType", "organisation", "groupMemberships",
    }),
    "duties": frozenset({"person", "dutyAt", "dutyRole"}),
    "activities": frozenset({
        "displayName", "activityType", "groups", "teachers", "organisation", "parentActivity",
    }),
}  # fmt: skip
_INNER = {
    "enrolments": {"enroledAt", "schoolYear", "schoolType", "cancelled", "educationCode",
                   "programme", "specification"},
    "groupMemberships": {"person"},
    "teachers": {"duty"},
}  # fmt: skip
_FILTERS = {"meta.modified.after", "meta.modified.before", "meta.created.after",
            "meta.created.before", "after", "entities"}  # fmt: skip


@dataclass(slots=True)
class Reference:
    """What it knows: by service and id, and what was deleted when."""

    token: str = "school-token"
    tables: dict[str, dict[str, Entity]] = field(
        default_factory=lambda: {name: {} for name in FIELDS}
    )
    deleted: list[tuple[datetime, str, str]] = field(default_factory=list)
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def put(self, service: str, entity: Entity, at: datetime) -> None:
        """Keep of an entity what the reference API keeps."""
        body = {"id": entity["id"]}
        for name in FIELDS[service] & entity.keys():
            value = entity[name]
            if name in _INNER:
                value = [
                    {key: one for key, one in item.items() if key in _INNER[name]} for item in value
                ]
            body[name] = value
        if service == "persons":
            body.setdefault("securityMarking", "Ingen")
            body.setdefault("emails", [])
        stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = self.tables[service].get(entity["id"])
        created = known["meta"]["created"] if known else stamp
        self.tables[service][entity["id"]] = body | {
            "meta": {"created": created, "modified": stamp}
        }

    def remove(self, service: str, id_: str, at: datetime) -> None:
        """Delete an entity."""
        del self.tables[service][id_]
        self.deleted.append((at.replace(microsecond=0), service, id_))

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/{path:path}", self.answer, methods=["GET", "POST", "PATCH", "DELETE"])
        return app

    async def answer(self, request: Request, path: str) -> Response:
        """Any call."""
        query = dict(request.query_params)
        self.calls.append((request.method, path, query))
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return PlainTextResponse("Unauthorized", 401)
        service, _, rest = path.partition("/")
        posted = request.method == "POST"
        if service in {"log", "statistics"} and posted:
            return JSONResponse({"id": "1"}, 201)
        if service == "subscriptions" and posted:
            return JSONResponse({"id": "1", "expires": "2027-02-22T11:00:00Z"}, 201)
        if service != "deletedEntities" and (service not in FIELDS or request.method != "GET"):
            return HTMLResponse("<html><body><h1>Resource not found</h1></body></html>", 404)
        if "pageToken" in query and _FILTERS & query.keys():
            return PlainTextResponse("Bad Request", 400)
        if rest:
            found = self.tables[service].get(rest)
            return JSONResponse(found) if found else _error(404, "Not found.")
        try:
            options = _options(query)
        except ValueError:
            return _error(400, "Bad request.")
        if service == "deletedEntities":
            return JSONResponse(self._deleted(options))
        return StreamingResponse(self._stream(service, options), media_type="application/json")

    async def _stream(self, service: str, options: dict[str, Any]) -> AsyncIterator[bytes]:
        limit, after = options["cursor"]["limit"], options["req"].get("meta.modified.after")
        rows = [
            one
            for id_, one in sorted(self.tables[service].items())
            if id_ > options["cursor"].get("index", "")
            and (after is None or _at(one["meta"]["modified"]) > _at(after))
        ]
        yield b'{ "data":['
        count = 0
        for one in rows[: limit if limit > 0 else None]:
            count += 1
            yield (b"," if count > 1 else b"") + json.dumps(one, ensure_ascii=False).encode()
        if count == 0 or limit > count or limit < 1:
            yield b"]}"
            return
        options["cursor"]["index"] = rows[count - 1]["id"]
        yield f'],"pageToken":"{_token(options)}"}}'.encode()

    def _deleted(self, options: dict[str, Any]) -> dict[str, Any]:
        after = options["req"].get("after")
        data: dict[str, list[str]] = {}
        for at, service, id_ in self.deleted:
            # Its database compares by the second, and what fell in that second is behind it.
            if after is None or at >= _at(after).replace(microsecond=0):
                data.setdefault(service, []).append(id_)
        return {"data": data}


def _options(query: dict[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {"req": {}, "cursor": {"limit": -1}}
    if token := query.get("pageToken"):
        options = json.loads(base64.b64decode(token, validate=True))
    for name, value in query.items():
        if name in _FILTERS:
            if name != "entities":
                _at(value)
            options["req"][name] = value
        elif name == "limit":
            options["cursor"]["limit"] = int(value)
    return options


def _token(options: dict[str, Any]) -> str:
    # Not the alphabet for addresses: + and / are in it.
    return base64.b64encode(json.dumps(options).encode()).decode()


def _at(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"code": status, "message": message}}, status)
