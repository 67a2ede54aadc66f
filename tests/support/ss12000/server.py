"""The double's HTTP side."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tests.support.ss12000.archive import ARCHIVED, Archive
from tests.support.ss12000.habits import Fault, Faults, Habits
from tests.support.ss12000.paging import RefusedError, embellish, page, request_of, token_of
from tests.support.ss12000.store import School

_DELETED_KEYS = {"Activity": "activitites", "AttendanceSchedule": "attendanceSchedules",
                 "StudyPlan": "studyPlans"}  # fmt: skip
"""As the standard's YAML spells them; every other key is the resource's path."""

_Made = tuple[bytes, dict[str, Any] | None]


class Server:
    """Answers as the standard says, within the habits and faults that are switched on."""

    def __init__(self, school: School, habits: Habits, faults: Faults) -> None:
        self.school, self.habits, self.faults = school, habits, faults
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        """Method, path and query of every call, in order."""
        self.epoch = 0
        """Page tokens of an earlier one have expired."""
        self._tokens: dict[str, int] = {}
        self._maker = ThreadPoolExecutor(1)
        self._ahead: tuple[tuple[str, dict[str, Any]], Future[_Made]] | None = None
        """The page that is made before it is asked for."""

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/oauth/token", self.oauth, methods=["POST"])
        app.add_api_route(
            "/{path:path}", self.answer, methods=["GET", "POST", "PATCH", "DELETE", "PUT"]
        )
        return app

    async def oauth(self, request: Request) -> Response:
        """OAuth 2.0 client credentials, by form or by Basic."""
        form = dict(pair.split("=", 1) for pair in (await request.body()).decode().split("&"))
        asked = (form.get("client_id"), form.get("client_secret"))
        if form.get("grant_type") != "client_credentials" or asked != self.habits.client:
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        token = secrets.token_urlsafe(16)
        self._tokens[token] = self.habits.token_uses
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    async def answer(self, request: Request, path: str) -> Response:
        """Any other call."""
        query = dict(request.query_params)
        self.calls.append((request.method, path, query))
        fault = self.faults.strike(path)
        if fault is not None and (response := await self._fail(fault)) is not None:
            return self._dated(response)
        if not self._may(request):
            return self._dated(self._error(401, "unauthorized", "token"))
        try:
            body = await request.json() if await request.body() else {}
            response = self._route(request.method, path, query, body)
        except RefusedError as error:
            response = self._error(400, "invalid_filter", str(error))
        except (ValueError, KeyError) as error:
            response = self._error(400, "invalid_body", repr(error))
        if fault is not None:
            response = _damaged(response, fault)
        return self._dated(response)

    def _may(self, request: Request) -> bool:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.habits.client is not None:
            left = self._tokens.get(sent, 0)
            self._tokens[sent] = left - 1
            return left > 0
        return self.habits.token is None or sent == self.habits.token

    async def _fail(self, fault: Fault) -> Response | None:
        if fault.kind in {"429", "503", "500", "401"}:
            response = self._error(int(fault.kind), f"fault_{fault.kind}", "switched on")
            if fault.retry_after is not None:
                response.headers["Retry-After"] = fault.retry_after
            return response
        if fault.kind == "expired_token":
            self.epoch += 1
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "not_json":
            return Response("<html>Logga in</html>", media_type="text/html")
        return None

    def _route(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any]
    ) -> Response:
        habits = self.habits
        if path == "deletedEntities" and habits.deleted_entities:
            return self._deleted(query)
        if path == "subscriptions" or path.startswith("subscriptions/"):
            return self._subscriptions(method, path.partition("/")[2], body)
        slash = "/" if habits.feedback == "slash" else ""
        if habits.feedback != "none" and method == "POST":
            if path == f"log{slash}":
                self.school.log.append({"message": body["message"], **body})
                return Response(status_code=201)
            if path == f"statistics{slash}":
                self.school.statistics.append({"resourceType": body["resourceType"], **body})
                return Response(status_code=201)
        first, _, rest = path.partition("/")
        resource = next((name for name, own in habits.paths.items() if own == first), None)
        if resource is None or resource not in habits.resources:
            return self._error(404, "not_found", "no such endpoint")
        if resource in habits.forbidden:
            return self._error(403, "forbidden", "not for this client")
        if rest == "lookup" and method == "POST":
            wanted = set(body.get("ids", []))
            found = [row.entity for row in self.school.rows(resource) if row.entity["id"] in wanted]
            return self._json(embellish(found, habits))
        if rest:
            row = self.school.tables[resource].get(rest)
            if row is None:
                return self._error(404, "not_found", "no such entity")
            return self._json(embellish([row.entity], habits)[0])
        if resource == "CalendarEvent" and "pageToken" not in query:
            for needed in ("startTime.onOrAfter", "startTime.onOrBefore"):
                if needed not in query:
                    raise RefusedError(f"{needed} is required")
        asked = request_of(query, habits, epoch=self.epoch)
        if self.school.archive is not None and resource in ARCHIVED:
            return self._archived(self.school.archive, resource, asked)
        entities, token = page(self.school.rows(resource), asked, habits)
        answer: dict[str, Any] = {"data": embellish(entities, habits)}
        if token is not None or habits.null_token:
            answer["pageToken"] = token
        return self._json(answer)

    def _archived(self, archive: Archive, resource: str, asked: dict[str, Any]) -> Response:
        """A page made of texts: the double must not be what a reader waits for.

        While a reader is busy with one page, the next is made ready.
        """
        ready, self._ahead = self._ahead, None
        if ready is None or ready[0] != (resource, asked):
            body, following = _made(archive, resource, asked)
        else:
            body, following = ready[1].result()
        if following is not None:
            future = self._maker.submit(_made, archive, resource, following)
            self._ahead = ((resource, following), future)
        return Response(body, media_type="application/json")

    def _deleted(self, query: dict[str, str]) -> Response:
        asked = request_of(query, self.habits, epoch=self.epoch)
        after = asked["filters"].get("after")
        since = datetime.fromisoformat(after) if after else None
        found = [
            (number, resource, id_)
            for number, (resource, id_, at) in enumerate(self.school.deleted, 1)
            if (since is None or at > since)
            and number > asked["at"]
            and resource in self.habits.resources
        ]
        limit = asked["limit"] or len(found)
        data: dict[str, list[str]] = {}
        for _, resource, id_ in found[:limit]:
            key = _DELETED_KEYS.get(resource, self.habits.paths[resource])
            data.setdefault(key, []).append(id_)
        token = token_of(asked | {"at": found[limit - 1][0]}) if len(found) > limit else None
        return self._json({"data": data, "pageToken": token})

    def _subscriptions(self, method: str, id_: str, body: dict[str, Any]) -> Response:
        school, life = self.school, timedelta(days=self.habits.expires_days)
        if not id_ and method == "GET":
            every = [one.body() for one in school.subscriptions.values()]
            return self._json({"data": every, "pageToken": None})
        if not id_ and method == "POST":
            made = school.subscribe(body, school.now() + life)
            return JSONResponse(made.body(), status_code=201)
        known = school.subscriptions.get(id_)
        if known is None:
            return self._error(404, "not_found", "no such subscription")
        if method == "DELETE":
            del school.subscriptions[id_]
            return Response(status_code=204)
        if method == "PATCH":
            if not self.habits.renewal:
                return self._error(405, "not_supported", "PATCH")
            known.expires = school.now() + life
        return self._json(known.body())

    def _json(self, body: Any) -> Response:
        if not self.habits.chunked:
            return JSONResponse(body)
        text = json.dumps(body, ensure_ascii=False).encode()

        async def pieces() -> AsyncIterator[bytes]:
            # Cut in the middle of characters, as a stream may be.
            for first in range(0, len(text), 997):
                yield text[first : first + 997]

        return StreamingResponse(pieces(), media_type="application/json")

    def _error(self, status: int, code: str, message: str) -> Response:
        body: dict[str, Any] = {"code": code, "message": message}
        if self.habits.error_body == "nested":
            body = {"error": {"code": status, "message": message}}
        return JSONResponse(body, status_code=status)

    def _dated(self, response: Response) -> Response:
        if self.habits.date_header:
            response.headers["Date"] = format_datetime(self.school.now(), usegmt=True)
        return response


def _made(archive: Archive, resource: str, asked: dict[str, Any]) -> _Made:
    """A page, and what asks for the next one."""
    texts, more = archive.page(resource, asked["filters"], asked["at"], asked["limit"])
    following = None if more is None else asked | {"at": more}
    token = None if following is None else token_of(following)
    body = f'{{"data":[{",".join(texts)}],"pageToken":{json.dumps(token)}}}'
    return body.encode(), following


def _damaged(response: Response, fault: Fault) -> Response:
    whole = bytes(response.body) if hasattr(response, "body") else b'{"data": [{"id": "'
    if fault.kind == "broken_json":
        return Response(whole[:-7], media_type="application/json")
    if fault.kind == "cut":

        async def half() -> AsyncIterator[bytes]:
            yield whole[: len(whole) // 2]
            await asyncio.sleep(0)
            raise ConnectionResetError

        return StreamingResponse(half(), media_type="application/json")
    return response
