"""The mail catcher: real SMTP in, a page and JSON out, nothing lost by a restart."""

from __future__ import annotations

import http.client
import json
import smtplib
import sys
from collections.abc import Iterator
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from deploy.local.process import Child, free_port
from deploy.local.service import answers


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[tuple[Child, int, int]]:
    smtp, web = free_port(), free_port()
    argv = [
        sys.executable,
        "-m",
        "deploy.local.mailcatcher",
        f"--smtp-port={smtp}",
        f"--http-port={web}",
        f"--mbox={tmp_path / 'mail' / 'mail.mbox'}",
    ]
    child = Child("mail", argv, log=tmp_path / "log", cwd=Path(__file__).parents[3])
    start(child, web)
    yield child, smtp, web
    child.stop()


def start(child: Child, web: int) -> None:
    child.start()
    child.wait_ready(lambda: answers(web, "/readyz"), seconds=30)


def get(port: int, path: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def messages(port: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(get(port, "/messages"))
    return found


def send(port: int, subject: str, text: str, *, to: str = "g1@example.org") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "narvaro@example.org", to, subject
    message["Message-ID"] = f"<{abs(hash(subject))}@example.org>"
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.send_message(message, to_addrs=[to, "copy@example.org"])


def test_mail_is_kept_shown_and_survives_a_kill(catcher: tuple[Child, int, int]) -> None:
    child, smtp, web = catcher
    send(smtp, "Frånvaro idag", "Ring skolan på åäö 010-000 00 00.\nFrom början.")
    send(smtp, "Andra", "x")
    child.kill()
    start(child, web)
    newest, oldest = messages(web)
    assert newest["subject"] == "Andra"
    assert oldest["subject"] == "Frånvaro idag"
    assert oldest["to"] == ["g1@example.org", "copy@example.org"]
    assert "Ring skolan på åäö" in oldest["text"]
    assert "\nFrom början." in oldest["text"]
    assert oldest["message_id"].startswith("<")


def test_what_a_mail_says_is_never_markup(catcher: tuple[Child, int, int]) -> None:
    _, smtp, web = catcher
    send(smtp, "<script>alert(1)</script>", "<img src=x onerror=alert(1)>")
    page = get(web, "/")
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<img" not in page
