"""`forvarning sources`: school systems, their tokens, and how reading them goes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from services.ingest import sources_text as text
from services.ingest.cli_imports import LOCAL, Url, fail
from services.ingest.client import Ingest
from services.ingest.errors import DeliveryRefusedError

app = typer.Typer(
    help="School systems: who may send, which ones are read, and how that goes.",
    no_args_is_help=True,
)

OpsToken = Annotated[
    str,
    typer.Option(
        envvar="FORVARNING_INGEST_OPS_TOKEN", help="The operator's token.", show_default=False
    ),
]
Name = Annotated[str, typer.Argument(help="The source's name or its id.")]

ReadFrom = Annotated[
    str | None,
    typer.Option(
        "--url", help="Read it: its SS 12000 address, what stands before /persons.", metavar="URL"
    ),
]
Secret = Annotated[
    str | None,
    typer.Option(
        help="Name of the secret. Its value is FORVARNING_SOURCE_SECRET_<NAME> in ingest's "
        "environment, or a file in FORVARNING_INGEST_SOURCE_SECRETS.",
        metavar="NAME",
    ),
]
TokenUrl = Annotated[
    str | None, typer.Option(help="OAuth 2.0 client credentials: where tokens are fetched.")
]
ClientId = Annotated[str | None, typer.Option(help="OAuth 2.0 client credentials: the client.")]
Scope = Annotated[str | None, typer.Option(help="OAuth 2.0 client credentials: the scope.")]
Resources = Annotated[
    list[str] | None,
    typer.Option("--resource", help="Only this resource, such as Person; may be repeated."),
]
Paths = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        help="Where a resource is, if it is not found by itself: Attendance=attendance.",
        metavar="RESOURCE=PATH",
    ),
]
PageSize = Annotated[int, typer.Option(min=1, max=10_000, help="Entities a page.")]
Every = Annotated[int, typer.Option(min=10, help="Seconds between two readings.")]
Subscribe = Annotated[
    bool, typer.Option("--subscribe/--no-subscribe", help="Ask to be told of changes.")
]
Paused = Annotated[bool, typer.Option("--paused/--not-paused", help="Do not read it for now.")]


class _Operator:
    """The operator's way to ingest."""

    def __init__(self, url: str, token: str) -> None:
        if not token:
            raise fail("--ops-token or FORVARNING_INGEST_OPS_TOKEN is missing.")
        self._url, self._token = url, token

    def send(self, method: str, path: str, body: Any = None) -> Any:
        try:
            with Ingest(self._url, self._token) as client:
                return client.send(method, path, body)
        except DeliveryRefusedError as error:
            raise fail(str(error)) from error

    def find(self, wanted: str) -> dict[str, Any]:
        """The one source of that name or id."""
        sources = self.send("GET", "/v1/sources")["sources"]
        found = [one for one in sources if wanted in (one["source_id"], one["name"])]
        if len(found) == 1:
            one: dict[str, Any] = found[0]
            return one
        if not found:
            known = ", ".join(sorted({one["name"] for one in sources})) or "none"
            raise fail(f"There is no source {wanted!r}. Known: {known}.")
        lines = [f"  {one['source_id']}  {one['organiser']}" for one in found]
        raise fail("\n".join([f"Several sources are called {wanted!r}; give the id:", *lines]))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _pull_of(one: dict[str, Any]) -> str:
    return f"/v1/organisers/{one['organiser_id']}/sources/{one['source_id']}/pull"


@app.command("add")
def add(  # noqa: PLR0917 - typer calls it by name
    name: Annotated[
        str, typer.Argument(help="What to call the source, such as the system's name.")
    ],
    organiser: Annotated[
        UUID | None, typer.Option(help="The organiser's id; without it a new one is made.")
    ] = None,
    organiser_name: Annotated[str | None, typer.Option(help="A new organiser's name.")] = None,
    kind: Annotated[
        str, typer.Option(help="A new organiser: municipal or independent.")
    ] = "municipal",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="registers, notices, roster, days; all of them by default."),
    ] = None,
    namespace: Annotated[
        str, typer.Option(help="Sources that use the same ids share a namespace.")
    ] = "default",
    priority: Annotated[int, typer.Option(help="Rank among sources, 1 to 999.")] = 100,
    quota: Annotated[int, typer.Option(help="Items a minute.")] = 60_000,
    cut_over: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Older facts wake nobody.")
    ] = None,
    url: ReadFrom = None,
    secret: Secret = None,
    ingest: Url = LOCAL,
    ops_token: OpsToken = "",
) -> None:
    """Add a source and print its token: once, for it is stored nowhere.

    With --url ingest reads it as an SS 12000:2020 client, and what it offers is printed;
    `forvarning sources connect` has more to say about that, also afterwards.
    """
    operator = _Operator(ingest, ops_token)
    body: dict[str, Any] = {
        "name": name,
        "organiser_id": str(organiser) if organiser else None,
        "organiser_name": organiser_name,
        "organiser_kind": kind,
        "namespace": namespace,
        "priority": priority,
        "quota_per_minute": quota,
        "cut_over": cut_over.date().isoformat() if cut_over else None,
    }
    if scope:
        body["scopes"] = scope
    made = operator.send("POST", "/v1/sources", body)
    typer.echo(json.dumps(made, ensure_ascii=False))
    if url is not None:
        how = {"base_url": url, "secret": secret, "auth": "bearer" if secret else "none"}
        _connect(operator, made, how)


@app.command("connect")
def connect(  # noqa: PLR0917 - typer calls it by name
    source: Name,
    url: Annotated[str, typer.Option("--url", help="What stands before /persons.", metavar="URL")],
    secret: Secret = None,
    token_url: TokenUrl = None,
    client_id: ClientId = None,
    scope: Scope = None,
    resource: Resources = None,
    path: Paths = None,
    page_size: PageSize = 5000,
    every: Every = 900,
    subscribe: Subscribe = True,
    paused: Paused = False,
    ingest: Url = LOCAL,
    ops_token: OpsToken = "",
) -> None:
    """Read SOURCE as an SS 12000:2020 client, or change how; prints what it offers.

    Without --secret the system is asked without a token; with --token-url and --client-id the
    secret is that client's, else it is a bearer token.
    """
    operator = _Operator(ingest, ops_token)
    auth = "none" if secret is None else "client_credentials" if token_url else "bearer"
    how: dict[str, Any] = {
        "base_url": url,
        "auth": auth,
        "secret": secret,
        "token_url": token_url,
        "client_id": client_id,
        "scope": scope,
        "paths": dict(_pair(one) for one in path or []),
        "page_size": page_size,
        "interval_seconds": every,
        "subscribe": subscribe,
        "paused": paused,
    }
    if resource:
        how["resources"] = resource
    _connect(operator, operator.find(source), how)


def _pair(value: str) -> tuple[str, str]:
    name, equals, path = value.partition("=")
    if not equals:
        raise fail(f"--path {value}: write RESOURCE=PATH, such as Attendance=attendance")
    return name, path


def _connect(operator: _Operator, one: dict[str, Any], how: dict[str, Any]) -> None:
    found = operator.send("PUT", _pull_of(one), how)["reach"]
    _print(text.reach(found))
    if not any(entry["state"] == "offered" for entry in found):
        raise fail("Nothing can be read yet. It is tried again by itself once this is mended.")


@app.command("list")
def list_(ingest: Url = LOCAL, ops_token: OpsToken = "") -> None:
    """Every source: where it is read from, when it last was, and when it will be next."""
    _print(text.listing(_Operator(ingest, ops_token).send("GET", "/v1/sources")["sources"]))


@app.command("status")
def status(source: Name, ingest: Url = LOCAL, ops_token: OpsToken = "") -> None:
    """When SOURCE was last read, what was held, what failed, and what to do about it."""
    operator = _Operator(ingest, ops_token)
    one = operator.find(source)
    if one["pull"] is None:
        _print([f"{one['name']} sends by itself; to read it: forvarning sources connect --help"])
        return
    _print(text.status(one["name"], operator.send("GET", _pull_of(one))))


@app.command("sync")
def sync(  # noqa: PLR0917 - typer calls it by name
    source: Name,
    full: Annotated[bool, typer.Option("--full", help="Everything, not only changes.")] = False,
    accept_losses: Annotated[
        bool,
        typer.Option(
            "--accept-losses", help="A held roster is right: so many pupils did leave. Reads all."
        ),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(help="Whose decision --accept-losses is; kept with its time.", metavar="NAME"),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it has ended.")] = True,
    ingest: Url = LOCAL,
    ops_token: OpsToken = "",
) -> None:
    """Read SOURCE now; ends with 1 when that fails or a human must decide."""
    if accept_losses and by is None:
        raise fail('--accept-losses is somebody\'s decision: add --by "Karin Lund".')
    operator = _Operator(ingest, ops_token)
    one = operator.find(source)
    if one["pull"] is None:
        raise fail(f"{one['name']} is not read: forvarning sources connect --help")
    found = operator.send("GET", _pull_of(one))
    before = {entry["run"] for entry in found["runs"] if entry["outcome"] != "running"}
    if found["under_way"] and not (full or accept_losses):
        typer.echo("It is being read just now.", err=True)
    else:
        before |= {entry["run"] for entry in found["runs"]}
        body = {"full": full, "accept_losses": accept_losses, "by": by}
        operator.send("POST", f"{_pull_of(one)}/runs", body)
    if not wait:
        typer.echo("Asked for. Its progress: forvarning sources status")
        return
    ended = _wait(operator, one, before)
    _print([*text.run(ended["runs"][0]), *text.counts(ended["runs"][0]["counts"])])
    _print(text.problems(ended["problems"]))
    if ended["runs"][0]["outcome"] != "done":
        raise typer.Exit(1)


def _wait(operator: _Operator, one: dict[str, Any], before: set[int]) -> dict[str, Any]:
    told = 0
    while True:
        found: dict[str, Any] = operator.send("GET", _pull_of(one))
        newest = found["runs"][0] if found["runs"] else None
        if newest is not None and newest["run"] not in before:
            if newest["outcome"] != "running":
                return found
            if newest["pages"] >= told + 100:
                told = newest["pages"]
                typer.echo(f"{told} pages …", err=True)
        time.sleep(0.5)


@app.command("cut-over")
def cut_over(
    source: Name,
    day: Annotated[
        str,
        typer.Argument(help="The first school day that wakes somebody, or none.", metavar="DAY"),
    ],
    by: Annotated[str, typer.Option(help="Whose decision it is; kept with its time.")],
    ingest: Url = LOCAL,
    ops_token: OpsToken = "",
) -> None:
    """Change from which school day on what SOURCE tells wakes somebody, and say what that does."""
    operator = _Operator(ingest, ops_token)
    one = operator.find(source)
    path = f"/v1/organisers/{one['organiser_id']}/sources/{one['source_id']}/cut-over"
    body = {"cut_over": None if day == "none" else day, "by": by}
    found = operator.send("PUT", path, body)
    _print([f"{found['before'] or 'none'} -> {found['cut_over'] or 'none'}", *found["effects"]])


@app.command("revoke")
def revoke(source: Name, ingest: Url = LOCAL, ops_token: OpsToken = "") -> None:
    """Make SOURCE's token worthless at once, and read it no more."""
    operator = _Operator(ingest, ops_token)
    one = operator.find(source)
    path = f"/v1/organisers/{one['organiser_id']}/sources/{one['source_id']}"
    operator.send("DELETE", path)
    typer.echo(f"{one['name']} is revoked.", err=True)
