"""Reads a request's JSON body within limits, gunzipped where it says so (docs/api-ingest.md)."""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from services.common.problem import Problem
from services.ingest.model.parse import problems_of

Model = TypeVar("Model", bound=BaseModel)


def media_type_of(request: Request) -> str:
    """The body's type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(
    request: Request, limit: int, media_types: tuple[str, ...] = ("application/json",)
) -> Any:
    """The body as JSON. ``limit`` bytes hold before and after decompression.

    Raises Problem 415 (type or encoding), 413 (too large) or 400 (broken).
    """
    if media_type_of(request) not in media_types:
        wanted = " or ".join(media_types)
        raise Problem(415, "unsupported_media_type", f"Send Content-Type: {wanted}.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise Problem(
            415,
            "unsupported_encoding",
            "Send Content-Encoding: gzip, or none.",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    body = await _read(request, limit, gunzip=encoding != "identity")
    try:
        return from_json(body)
    except ValueError as error:
        raise Problem(400, "broken_json", f"The body is no JSON in UTF-8: {error}") from error


def valid(model: type[Model], body: Any) -> Model:
    """The body as ``model``; Problem 422 that names every field otherwise."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Problem(
            422,
            "invalid",
            "The request does not fit the contract.",
            errors=[problem.body() for problem in problems_of(error)],
        ) from error


async def _read(request: Request, limit: int, *, gunzip: bool) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    # 31 = a gzip header, and the largest window.
    inflate = zlib.decompressobj(wbits=31) if gunzip else None
    received = 0
    body = bytearray()
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise _too_large(limit)
        if inflate is None:
            body += chunk
            continue
        try:
            # One byte more than allowed is enough to know: a bomb is never unpacked.
            body += inflate.decompress(chunk, limit + 1 - len(body))
        except zlib.error as error:
            raise Problem(400, "broken_gzip", "The body is no valid gzip stream.") from error
        if len(body) > limit:
            raise _too_large(limit)
    if inflate is not None and (not inflate.eof or inflate.unused_data):
        raise Problem(400, "broken_gzip", "The gzip stream is cut off or something follows it.")
    return bytes(body)


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        f"At most {limit} bytes are taken, before and after gunzip: send smaller batches.",
        limit_bytes=limit,
    )
