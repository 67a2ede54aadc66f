"""Every route of an application, however its routers are nested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount

#: Files that everybody may have.
_STATIC = "/static"


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path template) of each, sorted; HEAD goes with GET."""
    return sorted(set(_walk(app.routes, "")), key=lambda one: (one[1], one[0]))


def _walk(routes: Sequence[Any], prefix: str) -> Iterator[tuple[str, str]]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _walk(included.routes, prefix + route.include_context.prefix)
        elif isinstance(route, Mount):
            assert route.path == _STATIC, f"{route.path}: a mount that the walk does not know"
        else:
            for method in route.methods - {"HEAD"}:
                yield (method, prefix + route.path)
