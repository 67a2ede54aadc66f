"""Request bodies for the OpenAPI document: bodies are read by hand, to answer item by item."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from services.ingest.model.fields import Strict
from services.ingest.model.lessons import NoticeIn, RegisterIn


class RegisterBatch(Strict):
    """POST /v1/registers."""

    registers: Annotated[list[RegisterIn], Field(max_length=500)]


class NoticeBatch(Strict):
    """POST /v1/notices."""

    notices: Annotated[list[NoticeIn], Field(max_length=500)]


def takes(model: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """``openapi_extra`` of a route that reads ``model``, as JSON unless other types are given."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    _taken[model.__name__] = model
    content = {name: {"schema": schema} for name in media_types or ("application/json",)}
    return {"requestBody": {"required": True, "content": content}}


_taken: dict[str, type[BaseModel]] = {}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document with the bodies' schemas among its components."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        _, definitions = models_json_schema(
            [(model, "validation") for _, model in sorted(_taken.items())],
            by_alias=True,
            ref_template="#/components/schemas/{model}",
        )
        schemas.update(definitions["$defs"])
        app.openapi_schema = made
    return app.openapi_schema
