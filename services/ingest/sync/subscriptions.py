"""A subscription at the source, so that changes are read at once rather than at the next interval.

Its callback carries no data (the standard's design), so the webhook only triggers a pull.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.common.logging import get_logger
from services.ingest.sync.errors import RefusedError
from services.ingest.sync.locked import Locked
from services.ingest.sync.model import Pull
from services.ingest.sync.remote import Remote
from services.ingest.sync.store import Hook

log = get_logger(__name__)

_UNSAID = timedelta(days=1)
"""How long a subscription is trusted whose answer does not say when it ends."""


def new_hook() -> str:
    """256 random bits: the address is the secret."""
    return secrets.token_urlsafe(32)


def hook_hash(hook: str) -> bytes:
    return hashlib.sha256(hook.encode()).digest()


def renewal_due(hook: Hook, now: datetime) -> bool:
    """Within the last third of its life, so that a night's outage does not cost it."""
    if hook.subscription is None or hook.expires is None:
        return True
    return now >= hook.expires - (hook.expires - hook.created_at) / 3


class Subscriptions:
    """Keeps one subscription per source alive."""

    def __init__(self, pull: Pull, locked: Locked, remote: Remote, public_url: str | None) -> None:
        self._pull = pull
        self._locked = locked
        self._remote = remote
        self._public_url = public_url

    async def keep(self) -> bool:
        """Create or renew what is due; False when the source has no subscriptions.

        All times are the source's: it is its clock that ends a subscription.
        """
        hook = await self._locked.hook()
        if not self._pull.subscribe or self._public_url is None:
            if hook is not None:
                await self._end(hook)
            return True
        now = self._remote.now()
        if hook is not None and not renewal_due(hook, now):
            return True
        try:
            if hook is not None and hook.subscription is not None and await self._renew(hook, now):
                return True
            await self._create(now)
        except RefusedError as error:
            log.info("no_subscription", code=error.code)
            return False
        return True

    async def _renew(self, hook: Hook, now: datetime) -> bool:
        try:
            answer = await self._remote.call("PATCH", f"subscriptions/{hook.subscription}")
        except RefusedError:
            return False
        expires = _expires(answer.body, now)
        if expires <= now:
            return False
        await self._locked.set_hook(hook.sha256, hook.subscription, now, expires)
        return True

    async def _create(self, now: datetime) -> None:
        name = f"Förvarning {self._pull.source_id}"
        await self._tidy(name)
        secret = new_hook()
        # Known here before the source is told: its first call may come at once.
        await self._locked.set_hook(hook_hash(secret), None, now, None)
        answer = await self._remote.call(
            "POST",
            "subscriptions",
            body={
                "name": name,
                "target": f"{(self._public_url or '').rstrip('/')}/v1/hooks/ss12000/{secret}",
                "resourceTypes": [
                    {"resource": one.value}
                    for one in self._pull.resources
                    if one.value not in self._pull.learned.missing
                ],
            },
        )
        body = answer.body if isinstance(answer.body, dict) else {}
        await self._locked.set_hook(
            hook_hash(secret), str(body.get("id") or "") or None, now, _expires(body, now)
        )

    async def _tidy(self, name: str) -> None:
        """End what an earlier life of ours left behind under the same name."""
        try:
            answer = await self._remote.call("GET", "subscriptions")
        except RefusedError:
            return
        listed = answer.body.get("data") if isinstance(answer.body, dict) else answer.body
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict) and one.get("name") == name and one.get("id"):
                try:
                    await self._remote.call("DELETE", f"subscriptions/{one['id']}")
                except RefusedError:
                    continue

    async def _end(self, hook: Hook) -> None:
        if hook.subscription is not None:
            try:
                await self._remote.call("DELETE", f"subscriptions/{hook.subscription}")
            except RefusedError as error:
                log.info("subscription_not_ended", code=error.code)
        await self._locked.drop_hook()


def _expires(body: Any, now: datetime) -> datetime:
    text = body.get("expires") if isinstance(body, Mapping) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        return now + _UNSAID
    return at
