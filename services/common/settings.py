"""Every setting of every process, typed, in one place.

Read from the environment: ``FORVARNING_`` + the field's name in capitals. A
setting that is missing or malformed ends the process at start with its name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.roles import Role


class CommonSettings(BaseSettings):
    """What all processes share."""

    model_config = SettingsConfigDict(env_prefix="FORVARNING_", extra="ignore")

    environment: Literal["local", "production"] = "production"
    """`local` allows the simulated clock, demo accounts and plain-http webhooks."""
    clock_file: Path | None = None
    """A simulated clock shared by all processes (services.common.clock); local only."""
    log_level: str = "INFO"
    listen_host: str = "127.0.0.1"
    listen_port: int = 0
    """0 = any free port; the process logs which."""

    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_ca_file: Path | None = None
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    fact_partitions: int = Field(default=32, ge=1, le=1024)
    """Fixed per installation (design D1)."""
    topic_replication: int = Field(default=3, ge=1)
    topic_min_insync: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _clock_is_local(self) -> CommonSettings:
        if self.clock_file is not None and self.environment != "local":
            msg = "FORVARNING_CLOCK_FILE: a simulated clock is refused outside the local stack"
            raise ValueError(msg)
        return self


class MigrateSettings(CommonSettings):
    """`forvarning migrate`: the one process that owns the schemas."""

    owner_database_url: SecretStr
    """As forvarning_owner, or a superuser that may create the roles on first run."""
    ingest_database_password: SecretStr
    cases_database_password: SecretStr
    notify_database_password: SecretStr


class ArchiveSettings(CommonSettings):
    """`forvarning retention` and `erase`: over all schemas, as a role that nobody signs in with."""

    owner_database_url: SecretStr


class IngestSettings(CommonSettings):
    """services.ingest."""

    ingest_database_url: SecretStr
    ingest_ops_token: SecretStr
    """Bearer token of the operator's endpoints (profiles, sources)."""
    ingest_max_body_bytes: int = 8 * 1024 * 1024
    ingest_max_batch: int = 500
    ingest_max_roster_bytes: int = 64 * 1024 * 1024
    ingest_max_in_flight_bytes: int = 64 * 1024 * 1024
    """Bytes that may wait for Kafka before ingest answers 503."""
    ingest_ack_seconds: float = Field(default=10.0, gt=0)
    """How long a call waits for Kafka's acknowledgement before 503."""
    ingest_request_timeout_seconds: float = Field(default=10.0, gt=0)
    """How long the producer waits for a partition's leader before the delivery fails."""
    ingest_background_seconds: float = Field(default=1.0, gt=0)
    """Between two rounds of the day closer and of what waits to be sent."""
    ingest_standard_profile: Path = Path("services/ews/profiles/standard.toml")
    ingest_pull_seconds: float = Field(default=1.0, gt=0)
    """Between two looks for school systems that are due to be read."""
    ingest_pull_parallel: int = Field(default=4, ge=1, le=12)
    """How many school systems are read at once."""
    ingest_source_secrets: Path | None = None
    """A folder with one file per secret of a source; else FORVARNING_SOURCE_SECRET_<NAME>."""
    ingest_public_url: str | None = None
    """Where school systems reach ingest's webhook; without it there are no subscriptions."""


class EwsSettings(CommonSettings):
    """services.ews."""

    ews_group: str = "forvarning-ews"
    ews_checkpoint_seconds: float = Field(default=1.0, gt=0)
    ews_catch_up_seconds: float = Field(default=30.0, gt=0)
    """Between two checkpoints of a partition that is far behind its log."""
    ews_flush_seconds: float = Field(default=0.2, gt=0)
    """How soon a checkpoint follows when a warning may be due."""
    ews_parallel_checkpoints: int = Field(default=16, ge=1)
    ews_session_timeout_seconds: float = 10.0
    ews_transaction_timeout_seconds: float = 20.0
    ews_stop_seconds: float = 20.0
    """After SIGTERM the process is gone within this time, whatever hangs."""
    ews_max_undigestible_in_row: int = Field(default=100, ge=1)
    """More facts in a row that cannot be digested stop the worker (design D3)."""
    ews_verify_seconds: float = Field(default=60.0, gt=0)
    """How often the checkpoint rows are compared with the input log."""
    ews_stuck_seconds: float = Field(default=60.0, gt=0)
    """Without progress for this long, though there are facts to read, the worker ends."""
    ews_waves_settle_seconds: float = Field(default=2.0, gt=0)
    """How long the group step waits at most for the partitions' sums to stop coming."""
    ews_instance_id: str | None = None
    """Static group membership: the same name after a restart keeps the partitions."""

    @model_validator(mode="after")
    def _no_checkpoint_is_not_stuck(self) -> EwsSettings:
        limit = self.ews_stuck_seconds
        for name in ("ews_checkpoint_seconds", "ews_catch_up_seconds"):
            interval = getattr(self, name)
            # The other half is for the transaction, which may have to wait for the broker.
            if 2 * interval > limit:
                msg = (
                    f"FORVARNING_{name.upper()}: {interval:g} s between two checkpoints is more "
                    f"than half of FORVARNING_EWS_STUCK_SECONDS ({limit:g} s), after which a "
                    "worker that has written none is ended"
                )
                raise ValueError(msg)
        return self


class ClaimRules(BaseModel):
    """How one organiser reads a provider's claims as roles, for the session that they came with.

    What somebody may do comes from the roster; claims add to it what ``allow`` lets them, and
    nothing else. A mentor's class stands in no claim: that role is the roster's alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    roles_claim: str = Field(default="roles", min_length=1)
    """A claim of the ID token, or a path into one: ``realm_access.roles``."""
    roles: dict[str, Role] = Field(min_length=1)
    """The claim's value -> the role."""
    units_claim: str | None = None
    """The claim with the skolenhetskoder that the roles hold for."""
    areas_claim: str | None = None
    """The claim with the names of areas that the roles hold for."""
    allow: frozenset[Role] = Field(min_length=1)
    """The roles that this organiser lets this provider give."""

    @model_validator(mode="after")
    def _within_what_is_allowed(self) -> ClaimRules:
        beyond = sorted(set(self.roles.values()) - self.allow)
        if beyond:
            raise ValueError(f"gives {', '.join(beyond)}, which is not in allow")
        if "mentor" in self.allow:
            raise ValueError("allow: a mentor's class stands in no claim; leave it to the roster")
        placed = {"attendance_officer", "principal", "student_health"} & self.allow
        if placed and self.units_claim is None and self.areas_claim is None:
            raise ValueError(f"{', '.join(sorted(placed))} needs units_claim or areas_claim")
        return self


class OpenIdProvider(BaseModel):
    """Where the staff of some organisers sign in (OpenID Connect Core 1.0, code flow with PKCE)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    """Its part of the address that is registered with the provider:
    ``<cases_public_url>/logga-in/<key>/svar``."""
    name: str = Field(min_length=1, max_length=80)
    """As people know it: "Testköpings kommun"."""
    issuer: str
    """Discovery is read from ``<issuer>/.well-known/openid-configuration``."""
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    organisers: frozenset[UUID] = Field(min_length=1)
    """Whose staff it may vouch for, and nobody else's."""
    login_claim: str = "preferred_username"
    """The ID token's claim that is the roster's ``login``. ``email`` counts only where the token
    says that it is verified."""
    acr: tuple[str, ...] = ()
    """The levels of assurance of which one is asked for, and must be in the ID token."""
    scope: str = "openid profile"
    claims: dict[UUID, ClaimRules] = Field(default_factory=dict)
    """By organiser: the roles that its staff may have from this provider's claims; none without."""

    @model_validator(mode="after")
    def _claims_of_its_own_organisers(self) -> OpenIdProvider:
        strangers = set(self.claims) - self.organisers
        if strangers:
            raise ValueError("claims: names an organiser that it may not vouch for")
        return self

    @field_validator("issuer")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("must be an address such as https://login.example/realms/kommun")
        return value.rstrip("/")

    @field_validator("scope")
    @classmethod
    def _with_openid(cls, value: str) -> str:
        if "openid" not in re.split(r"\s+", value):
            raise ValueError("must contain openid")
        return value


class CasesSettings(CommonSettings):
    """services.cases."""

    cases_database_url: SecretStr
    cases_ops_token: SecretStr
    """Bearer token of /internal/v1 (oracle, latency probes): no names in its answers."""
    cases_journal_token: SecretStr | None = None
    """Bearer token of /journal/v1, for the elevhälsa's journal system; without it there is none."""
    cases_public_url: str = "http://127.0.0.1:8080"
    cases_session_idle_minutes: int = Field(default=30, ge=1, le=240)
    """A session ends after so long without a request."""
    cases_session_hours: int = Field(default=10, ge=1, le=24)
    """And after so long whatever happens."""
    cases_demo_password: SecretStr | None = None
    """Local stack only: whoever has a login in the roster may sign in with it."""
    cases_openid: tuple[OpenIdProvider, ...] = ()
    """As JSON: a list of objects. With one or more of them nobody signs in with a password."""
    cases_instance_id: str | None = None
    """Static group membership: the same name after a restart reads on at once. One process a name;
    while it is away nobody else reads its partitions until the session has run out."""
    cases_age_limit_days: int = 7
    """A warning about an older school date opens a case but wakes nobody (design D8)."""
    mailcatcher_url: str | None = None
    """Local stack only: linked from the demo page."""
    ingest_url: str | None = None
    """Local stack only: read by the demo page."""

    @model_validator(mode="after")
    def _demo_is_local(self) -> CasesSettings:
        if self.cases_demo_password is not None and self.environment != "local":
            msg = "FORVARNING_CASES_DEMO_PASSWORD: demo sign-in is refused outside the local stack"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _providers_are_safe(self) -> CasesSettings:
        keys = [provider.key for provider in self.cases_openid]
        if len(set(keys)) < len(keys):
            raise ValueError("FORVARNING_CASES_OPENID: two providers have the same key")
        for provider in self.cases_openid:
            if self.environment != "local" and not provider.issuer.startswith("https://"):
                msg = f"FORVARNING_CASES_OPENID: the issuer of {provider.key} must be https"
                raise ValueError(msg)
        return self


class NotifySettings(CommonSettings):
    """services.notify."""

    notify_database_url: SecretStr
    notify_ops_token: SecretStr
    notify_smtp_host: str = "127.0.0.1"
    notify_smtp_port: int = 25
    notify_smtp_starttls: bool = True
    notify_smtp_username: str | None = None
    notify_smtp_password: SecretStr | None = None
    notify_mail_from: str = "narvaro@forvarning.example"
    notify_grace_minutes: int = 20
    """How long a same-day notice waits for a correction."""
    notify_age_limit_days: int = 7
    """A case event about an older school date mails nobody (design D8)."""
    notify_group: str = "forvarning-notify"
    notify_instance_id: str | None = None
    """As ``cases_instance_id``."""
    notify_late_days: int = Field(default=3, ge=0)
    """An unexplained absence reported so many days late still becomes a call home."""
    notify_outage_days: int = Field(default=14, ge=0)
    """The same where it was reported in time and the delay is ours."""
    notify_same_day_patience_minutes: int = Field(default=60, ge=1)
    """How long a same-day notice is tried; then somebody calls home while there is time."""
    notify_case_patience_hours: int = Field(default=72, ge=1)
    """How long a case's mail or webhook is tried."""
    notify_poll_seconds: float = Field(default=0.5, gt=0)
    notify_lease_seconds: float = Field(default=90.0, gt=0)
    """A claimed message that nobody reported back on is free again after this real time."""
    notify_smtp_timeout_seconds: float = Field(default=20.0, gt=0)
    notify_webhook_timeout_seconds: float = Field(default=20.0, gt=0)
    notify_parallel_sends: int = Field(default=8, ge=1)
    cases_public_url: str = "http://127.0.0.1:8080"


class OracleSettings(EwsSettings):
    """`forvarning oracle`."""

    oracle_cases_url: str | None = None
    """Where the case service answers; without it, it is left out and said so."""
    oracle_notify_url: str | None = None
    cases_ops_token: SecretStr = SecretStr("")
    notify_ops_token: SecretStr = SecretStr("")
    oracle_wait_seconds: float = Field(default=0.0, ge=0)
    """How long to ask the services again while they may still be catching up."""
