"""The webhook channel: thin payloads, signed as Standard Webhooks 1.0.0 says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx
from standardwebhooks import Webhook

from services.common.backoff import retry_after
from services.common.settings import NotifySettings
from services.notify import addresses
from services.notify.model import RefusedAddressError, SendError

RealTime = Callable[[], datetime]


def real_time() -> datetime:
    """The host's time: receivers check a signature's age by theirs, whatever clock we simulate."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """A webhook call ready to go. ``message_id`` is its webhook-id, the same on every attempt."""

    message_id: UUID
    url: str
    secret: str
    event_type: str
    case_id: UUID
    case_number: str
    occurred_at: datetime

    def payload(self) -> str:
        """The body: which case, and nothing about whom or why."""
        body = {
            "type": self.event_type,
            "timestamp": self.occurred_at.astimezone(UTC).isoformat(),
            "data": {"case_id": str(self.case_id), "case_number": self.case_number},
        }
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


class WebhookChannel:
    """Calls webhooks. Redirects are not followed and answers not read."""

    def __init__(self, settings: NotifySettings, now: RealTime = real_time) -> None:
        self._local = settings.environment == "local"
        self._now = now
        self._client = httpx.AsyncClient(
            timeout=settings.notify_webhook_timeout_seconds,
            follow_redirects=False,
            # Connections are pooled by address, and the address is pinned: one that was opened, and
            # whose certificate was checked, for one name must not carry a call for another.
            limits=httpx.Limits(max_keepalive_connections=0),
            # A proxy or netrc of this machine must not change whom we call.
            trust_env=False,
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def send(self, call: Call) -> None:
        """Deliver or raise :class:`SendError`; any answer but 2xx is a failure."""
        try:
            target = await addresses.resolve(call.url, local=self._local)
        except RefusedAddressError as error:
            raise SendError("address_refused", "", final=True) from error
        except OSError as error:
            raise SendError("unresolved", type(error).__name__) from error
        body, sent = call.payload(), self._now()
        try:
            signature = Webhook(call.secret).sign(str(call.message_id), sent, body)
        except (ValueError, RuntimeError) as error:
            raise SendError("secret_malformed", type(error).__name__, final=True) from error
        headers = {
            "host": target.host,
            "content-type": "application/json",
            "user-agent": "forvarning-notify",
            "webhook-id": str(call.message_id),
            "webhook-timestamp": str(int(sent.timestamp())),
            "webhook-signature": signature,
        }
        try:
            async with self._client.stream(
                "POST",
                target.url,
                content=body.encode(),
                headers=headers,
                extensions={"sni_hostname": target.server_name},
            ) as response:
                status, asked = response.status_code, response.headers.get("retry-after")
        except httpx.HTTPError as error:
            raise SendError("http_unreachable", type(error).__name__) from error
        if 200 <= status < 300:
            return
        if status == httpx.codes.GONE:
            raise SendError("http_gone", str(status), final=True, gone=True)
        raise SendError("http_status", str(status), retry_after=retry_after(asked, self._now()))
