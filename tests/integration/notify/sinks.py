"""A real SMTP server and a real webhook receiver that tests can make misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.process import free_port


class MailSink:
    """Takes mails; ``answer`` decides what the end of DATA is answered, ``recipient`` RCPT."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answer: Callable[[EmailMessage], str] = lambda _: "250 OK"
        self.recipient: Callable[[str], str] = lambda _: "250 OK"
        self.port = free_port()
        self._controller: Controller | None = None

    def start(self) -> None:
        """Serve; after :meth:`stop` on the same port again."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=10)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names and arguments
        self,
        server: SMTP,  # noqa: ARG002 - likewise
        session: Session,  # noqa: ARG002 - likewise
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002 - likewise
    ) -> str:
        answer = self.recipient(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - aiosmtpd's names and arguments
        self,
        server: SMTP,  # noqa: ARG002 - likewise
        session: Session,  # noqa: ARG002 - likewise
        envelope: Envelope,
    ) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        answer = self.answer(mail)
        if answer.startswith("250"):
            self.mails.append(mail)
            self.recipients.extend(envelope.rcpt_tos)
        return answer

    def ids(self) -> set[str]:
        """The distinct Message-IDs: a repeat counts once."""
        return {str(mail["Message-ID"]) for mail in self.mails}


class HookSink:
    """Takes webhook calls; ``answer`` decides status and headers."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (204, {})
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                sink.calls.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status, headers = sink.answer(len(sink.calls))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook?to=us"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    sink = MailSink()
    sink.start()
    try:
        yield sink
    finally:
        sink.stop()


@contextmanager
def hook_sink() -> Iterator[HookSink]:
    sink = HookSink()
    sink.start()
    try:
        yield sink
    finally:
        sink.stop()
