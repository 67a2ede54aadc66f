"""The case service's metrics, declared once."""

from __future__ import annotations

from services.common.metrics import counter, gauge, histogram

MESSAGES = counter(
    "forvarning_cases_messages",
    "Messages read from a topic, by what became of them (applied, dead_letter)",
    ("topic", "outcome"),
)
BATCH_SECONDS = histogram(
    "forvarning_cases_batch_seconds", "Time to apply one batch of a topic", ("topic",)
)
WARNING_AGE = histogram(
    "forvarning_cases_warning_age_seconds",
    "From ingest's acceptance of the causing fact to the warning being stored",
)
RETRIES = counter(
    "forvarning_cases_retries", "Batches tried again because the database was away", ("topic",)
)
CASE_CHANGES = counter(
    "forvarning_cases_changes",
    "What happened to cases (opened, opened_old, reopened, raised, escalated, amended, …)",
    ("kind",),
)
CALLS_HOME = counter("forvarning_cases_calls_home", "Duties to ring home, by reason", ("reason",))
UNASSIGNED = gauge(
    "forvarning_cases_unassigned", "Open cases that stand with nobody: an alert when not 0"
)
OVERDUE = gauge("forvarning_cases_overdue_duties", "Duties past their time, by kind", ("kind",))
DOCUMENTS = counter(
    "forvarning_cases_documents",
    "Documents between organisers, by what became of them (delivered, refused)",
    ("outcome",),
)
OUTBOX_PENDING = gauge("forvarning_cases_outbox_pending", "Events not yet published")
OUTBOX_AGE = gauge(
    "forvarning_cases_outbox_oldest_age_seconds", "Age of the oldest event not yet published"
)
PUBLISHED = counter("forvarning_cases_events_published", "Events that Kafka has acknowledged")
SIGN_INS = counter("forvarning_cases_sign_ins", "Sign-ins, by outcome", ("outcome",))
RETENTION_RUN = gauge(
    "forvarning_retention_last_run_timestamp_seconds",
    "When gallring last came to its end; of an installation where it never did, when it was made",
)
REQUESTS = histogram(
    "forvarning_cases_request_seconds",
    "Answer time by route template and status class",
    ("route", "status"),
)
