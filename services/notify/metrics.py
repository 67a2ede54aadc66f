"""What notify counts. No label ever holds a person, a pupil or a case."""

from __future__ import annotations

from services.common.metrics import counter, gauge, histogram

EVENTS = counter(
    "forvarning_notify_events",
    "Events read, by topic and what became of them",
    ["topic", "outcome"],
)
OLD_EVENTS = counter(
    "forvarning_notify_old_events",
    "Events about school dates too old to wake anybody",
    ["topic"],
)
DEAD_LETTERS = counter(
    "forvarning_notify_dead_letters", "Events that could not be read or applied", ["reason"]
)
OBLIGATIONS = counter(
    "forvarning_notify_obligations", "Same-day obligations by what became of them", ["state"]
)
DELIVERIES = counter(
    "forvarning_notify_deliveries",
    "Deliveries by their end",
    ["kind", "state", "reason"],
)
ATTEMPTS = counter(
    "forvarning_notify_attempts", "Attempts to send, by channel and outcome", ["channel", "outcome"]
)
BROKEN_ROUNDS = counter(
    "forvarning_notify_broken_rounds",
    "Rounds of due work that one organiser broke off, by error",
    ["error"],
)
SEND_SECONDS = histogram(
    "forvarning_notify_send_seconds", "How long one attempt to send takes", ["channel"]
)
DUE_AGE = gauge(
    "forvarning_notify_oldest_due_seconds", "How long the oldest due work has been waiting"
)
OUTBOX_PENDING = gauge("forvarning_notify_outbox_pending", "Outbox rows not yet published")
