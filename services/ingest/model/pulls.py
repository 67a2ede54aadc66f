"""What the operator sends about a source that is read."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.ingest.model.fields import Strict
from services.ingest.model.roster import Name
from services.ingest.ss12000.vocabulary import TAKEN, Resource
from services.ingest.sync.secrets import NAME

_HOST_OF_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("must be an address such as https://skolsystem.example.se/ss12000/v2.0")
    if parts.scheme == "http" and host not in _HOST_OF_THIS_MACHINE:
        raise ValueError("must begin with https: pupils' data and the secret go over this line")
    if parts.username or parts.password:
        raise ValueError("must not hold a password; give its name as secret")
    if parts.query or parts.fragment:
        raise ValueError("must end with the path; leave out what follows ? or #")
    return text.rstrip("/")


Address = Annotated[str, StringConstraints(strict=True, max_length=500), AfterValidator(_address)]
SecretName = Annotated[str, StringConstraints(strict=True, pattern=NAME)]
Path = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*/?$")
]
Line = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500)]
_ALL = tuple(TAKEN)


class PullIn(Strict):
    """How to read a source. A secret is named, never sent: ingest finds it in its own settings."""

    base_url: Address
    """What stands before ``/persons``."""
    auth: Literal["none", "bearer", "client_credentials"] = "bearer"
    secret: SecretName | None = None
    token_url: Address | None = None
    client_id: Line | None = None
    scope: Line | None = None
    resources: tuple[Resource, ...] = _ALL
    paths: dict[Resource | Literal["deletedEntities"], Path] = Field(default_factory=dict)
    """Only for paths that are not found by themselves."""
    page_size: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 5000
    interval_seconds: Annotated[int, Field(strict=True, ge=10, le=86_400)] = 900
    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=86_400)] = 300
    full_every_hours: Annotated[int, Field(strict=True, ge=1, le=8_760)] = 168
    subscribe: bool = True
    feedback: bool = True
    paused: bool = False

    @model_validator(mode="after")
    def _whole(self) -> PullIn:
        if self.auth != "none" and self.secret is None:
            raise ValueError("secret: name the secret, or say auth none")
        if self.auth == "none" and self.secret is not None:
            raise ValueError("secret: is not used with auth none")
        if self.auth == "client_credentials" and not (self.token_url and self.client_id):
            raise ValueError("token_url, client_id: both are needed with auth client_credentials")
        if unread := sorted(set(self.resources) - set(TAKEN)):
            raise ValueError(f"resources: {unread[0]} is not read; choose among {', '.join(TAKEN)}")
        if not self.resources:
            raise ValueError("resources: name one at least")
        return self


class RunIn(Strict):
    """Ask for a run."""

    full: bool = False
    """Read everything anew rather than what has changed."""
    accept_losses: bool = False
    """The roster may lose more than a tenth of a unit's pupils: it is so. Implies ``full``."""
    by: Name | None = None
    """Whose decision the losses are: kept with its time."""

    @model_validator(mode="after")
    def _signed(self) -> RunIn:
        if self.accept_losses and self.by is None:
            raise ValueError("by: say whose decision it is that so many pupils have left")
        return self
