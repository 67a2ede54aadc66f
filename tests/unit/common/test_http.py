"""Problems, bearer tokens and health over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field, SecretStr

from services.common import http, problem
from services.common.metrics import counter


class Body(BaseModel):
    minutes: int = Field(ge=0)


class Client:
    """The application over ASGI, one request at a time."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **arguments)

        return asyncio.run(send())

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.request("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return self.request("POST", path, **arguments)


def _client() -> Client:
    app = FastAPI()
    problem.install(app)
    guard = http.require_bearer(SecretStr("right"))

    @app.get("/guarded", dependencies=[Depends(guard)])
    async def guarded() -> str:
        return "in"

    @app.post("/body")
    async def body(body: Body) -> int:
        return body.minutes

    @app.get("/broken")
    async def broken() -> None:
        raise problem.Problem(
            503, "broker_away", "Try again.", headers={"Retry-After": "5"}, field="/x"
        )

    async def well() -> str | None:
        return None

    async def unwell() -> str | None:
        return "no database"

    http.add_health(app, live={"self": well}, ready={"self": well, "database": unwell})
    return Client(app)


def test_a_problem_says_type_detail_and_retry_after() -> None:
    answer = _client().get("/broken")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {
        "type": "urn:forvarning:problem:broker_away",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Try again.",
        "field": "/x",
    }


def test_invalid_input_names_the_field_and_never_repeats_the_value() -> None:
    answer = _client().post("/body", json={"minutes": "Kim Testsson"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "/minutes"
    assert "Kim" not in answer.text


def test_unknown_paths_are_problems_too() -> None:
    answer = _client().get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_bearer_tokens() -> None:
    client = _client()
    assert client.get("/guarded").status_code == 401
    for wrong in ("Bearer wrong", "Basic right", "Bearer", "Bearer rïght", ""):
        answer = client.get("/guarded", headers={"Authorization": wrong.encode("latin-1")})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/guarded", headers={"Authorization": "Bearer right"}).status_code == 200


def test_health_tells_live_from_ready() -> None:
    client = _client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"self": "ok", "database": "no database"}
    assert "python_info" in client.get("/metrics").text


def test_a_metric_that_would_name_a_person_cannot_be_declared() -> None:
    for name, labels in (("forvarning_x", ["pupil_id"]), ("x_total", [])):
        try:
            counter(name, "text", labels)
        except ValueError as error:
            assert name.split("_")[0] in str(error)  # noqa: PT017 - both reasons are looked at
        else:
            raise AssertionError(name)
