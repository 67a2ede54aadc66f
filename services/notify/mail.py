"""The mail channel: one SMTP conversation for each message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

import aiosmtplib

from services.common.clock import STOCKHOLM
from services.common.settings import NotifySettings
from services.notify.model import SendError
from services.notify.texts import Text


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to go. ``message_id`` becomes its Message-ID, the same on every attempt."""

    message_id: UUID
    to: str
    text: Text
    at: datetime


class MailChannel:
    """Hands mails to the organiser's mail server.

    :meth:`send` returns once the server has taken the mail. A crash between
    that and our own record may send it again under the same Message-ID.
    """

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._domain = settings.notify_mail_from.rpartition("@")[2]

    async def send(self, mail: Mail) -> None:
        """Send or raise :class:`SendError`; final where this very address was refused."""
        password = self._settings.notify_smtp_password
        try:
            await aiosmtplib.send(
                self._compose(mail),
                hostname=self._settings.notify_smtp_host,
                port=self._settings.notify_smtp_port,
                username=self._settings.notify_smtp_username,
                password=password.get_secret_value() if password else None,
                start_tls=self._settings.notify_smtp_starttls,
                timeout=self._settings.notify_smtp_timeout_seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = error.recipients[0].code
            raise SendError("smtp_recipient_refused", str(code), final=code >= 500) from error
        except aiosmtplib.SMTPDataError as error:
            raise SendError(
                "smtp_data_refused", str(error.code), final=error.code >= 500
            ) from error
        except aiosmtplib.SMTPResponseException as error:
            # Greeting, log-in and sender are ours to mend: another attempt may help.
            raise SendError("smtp_refused", str(error.code)) from error
        except aiosmtplib.SMTPNotSupported as error:
            # An address with other than ASCII characters, to a server that takes no such mail.
            raise SendError("smtp_not_supported", final=True) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SendError("smtp_unreachable", type(error).__name__) from error
        except ValueError as error:
            # An address with a line break or without a domain: nothing was sent.
            raise SendError("address_malformed", type(error).__name__, final=True) from error

    def _compose(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._settings.notify_mail_from
        message["To"] = mail.to
        message["Subject"] = mail.text.subject
        message["Date"] = format_datetime(mail.at.astimezone(STOCKHOLM))
        message["Message-ID"] = f"<{mail.message_id}@{self._domain}>"
        message["Content-Language"] = "sv"
        # RFC 3834: nobody's out-of-office should answer.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text.body)
        return message
