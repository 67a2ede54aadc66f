"""Errors as the standard has them: ``{"code", "message"}``, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.common.logging import get_logger
from services.common.pg import is_away
from services.common.problem import Problem
from services.ingest.errors import NotWrittenError
from services.ingest.model.answers import Note
from services.ingest.ss12000.filters import FilterError

log = get_logger(__name__)


class Refusal(Exception):  # noqa: N818 - the standard calls the body an Error
    """An answer with the standard's error body; ``errors`` name every field besides."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        errors: list[Note] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.errors = errors or []
        self.headers = headers

    def response(self) -> JSONResponse:
        body: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.errors:
            body["errors"] = [note.body() for note in self.errors]
        return JSONResponse(body, self.status, headers=self.headers)


def refused(problems: list[Note]) -> Refusal:
    """400 with every reason."""
    return Refusal(
        400,
        problems[0].code,
        "; ".join(note.detail for note in problems[:10]),
        errors=problems,
    )


class StandardRoute(APIRoute):
    """A route whose errors have the standard's body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except Refusal as error:
                return error.response()
            except FilterError as error:
                return Refusal(400, "invalid_filter", str(error)).response()
            except Problem as error:
                return Refusal(
                    error.status, error.code, error.detail, headers=error.headers
                ).response()
            except RequestValidationError:
                return Refusal(400, "invalid_id", "An id in the path must be a UUID.").response()
            except HTTPException as error:
                return Refusal(error.status_code, "http", str(error.detail)).response()
            except Exception as error:
                if not (isinstance(error, NotWrittenError) or is_away(error)):
                    raise
                log.warning("not_written", error=type(error).__name__)
                after = error.retry_after if isinstance(error, NotWrittenError) else 2
                return Refusal(
                    503,
                    "not_written",
                    "Nothing of this call is acknowledged: send it again.",
                    headers={"Retry-After": str(after)},
                ).response()

        return handler
