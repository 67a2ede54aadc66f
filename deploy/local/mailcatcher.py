"""A mail server that delivers nothing: it keeps what it gets, and shows it on a page.

``python -m deploy.local.mailcatcher --smtp-port N --http-port N --mbox FILE``. A message is
acknowledged when it is in the mbox file; a restart goes on with what the file holds. ``/`` lists
the messages (Swedish, for the demo), ``/messages`` gives them as JSON, newest first.
"""

from __future__ import annotations

import argparse
import email.policy
import mailbox
import re
import threading
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.parser import BytesParser
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from services.common.http import add_health, run
from services.common.logging import configure

_QUOTED = re.compile(rb"^>From ", re.MULTILINE)
_SHOWN = 2000
_LARGEST_BYTES = 1024 * 1024

_PAGE = Environment(autoescape=True).from_string(
    """<!doctype html><html lang="sv"><head><meta charset="utf-8">
<meta http-equiv="refresh" content="5"><meta name="viewport" content="width=device-width">
<title>E-post som skulle ha skickats</title>
<style>
 body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
      color:#1d1d1f;background:#fff}
 article{border:1px solid #8a8a8f;border-radius:.5rem;padding:1rem;margin:1rem 0}
 h2{font-size:1.1rem;margin:0} p{margin:.25rem 0} pre{white-space:pre-wrap;font:inherit}
</style></head><body><main>
<h1>E-post som skulle ha skickats</h1>
<p>Demon skickar ingenting på riktigt. {{ messages|length }} meddelanden visas, det senaste
överst.</p>
{% for m in messages %}<article><h2>{{ m.subject }}</h2>
<p>Till {{ m.to|join(", ") }} · från {{ m.sender }} ·
<time datetime="{{ m.received }}">{{ m.received[:19]|replace("T", " ") }} UTC</time></p>
<pre>{{ m.text }}</pre></article>
{% else %}<p>Inget har kommit än.</p>{% endfor %}
</main></body></html>"""
)


@dataclass(frozen=True)
class CaughtMessage:
    """One message as it was handed over."""

    message_id: str
    sender: str
    to: list[str]
    subject: str
    received: str
    text: str


class Store:
    """The messages: all of them in the file, the latest in memory."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._box = mailbox.mbox(file)
        self._latest: deque[CaughtMessage] = deque(maxlen=_SHOWN)
        for kept in self._box:
            # Written by us, so a line that begins with ">From " was "From " (mboxo quoting).
            self._latest.appendleft(_described(_QUOTED.sub(b"From ", kept.as_bytes())))

    def add(self, envelope: Envelope) -> None:
        """Keep a message; returns when it is in the file."""
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        message = BytesParser(policy=email.policy.default).parsebytes(raw)
        # Who it was really for stands in the envelope only.
        message["X-Envelope-From"] = envelope.mail_from or ""
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        message["X-Received"] = datetime.now(UTC).isoformat()
        raw = message.as_bytes()
        with self._lock:
            self._box.add(mailbox.mboxMessage(raw))
            self._box.flush()
            self._latest.appendleft(_described(raw))

    def latest(self) -> list[CaughtMessage]:
        """Newest first."""
        with self._lock:
            return list(self._latest)


def _described(raw: bytes) -> CaughtMessage:
    message: Message = BytesParser(policy=email.policy.default).parsebytes(raw)
    text = ""
    if isinstance(message, EmailMessage):
        body = message.get_body(("plain", "html"))
        text = body.get_content() if body is not None else ""
    return CaughtMessage(
        message_id=str(message.get("Message-ID", "")),
        sender=str(message.get("X-Envelope-From", "")),
        to=[one.strip() for one in str(message.get("X-Envelope-To", "")).split(",")],
        subject=str(message.get("Subject", "(inget ämne)")),
        received=str(message.get("X-Received", "")),
        text=text,
    )


class _Handler:
    """aiosmtpd's hook: everything is accepted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self._store.add(envelope)
        return "250 OK"


def application(store: Store) -> FastAPI:
    """The page, the JSON and the health of a catcher."""
    app = FastAPI(title="Mail catcher", docs_url=None, redoc_url=None, openapi_url=None)

    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE.render(messages=store.latest()))

    async def messages() -> list[dict[str, object]]:
        return [asdict(message) for message in store.latest()]

    app.add_api_route("/", page, methods=["GET"])
    app.add_api_route("/messages", messages, methods=["GET"])
    add_health(app, live={}, ready={})
    return app


def main() -> None:
    """Catch mail until SIGTERM."""
    parser = argparse.ArgumentParser(description="Keep mail instead of delivering it.")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--mbox", type=Path, required=True)
    arguments = parser.parse_args()
    configure("mail")
    arguments.mbox.parent.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.mbox)
    smtp = Controller(
        _Handler(store),
        hostname="127.0.0.1",
        port=arguments.smtp_port,
        data_size_limit=_LARGEST_BYTES,
        enable_SMTPUTF8=True,
    )
    smtp.start()
    try:
        run(application(store), "127.0.0.1", arguments.http_port)
    finally:
        smtp.stop()


if __name__ == "__main__":
    main()
