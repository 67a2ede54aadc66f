"""Every metric of ingest."""

from __future__ import annotations

from services.common.metrics import counter, gauge, histogram

ITEMS = counter(
    "forvarning_ingest_items",
    "Registers and notices received, by what became of them.",
    ["resource", "outcome"],
)
MARKS = counter("forvarning_ingest_marks", "Marks of accepted registers.")
REFUSALS = counter("forvarning_ingest_refusals", "Refused items, by reason.", ["resource", "code"])
REQUESTS = counter("forvarning_ingest_requests", "Calls, by answer.", ["route", "status"])
ACK_SECONDS = histogram(
    "forvarning_ingest_ack_seconds", "From a batch's records ready to Kafka's acknowledgement."
)
IN_FLIGHT_BYTES = gauge(
    "forvarning_ingest_in_flight_bytes", "Bytes handed to Kafka and not acknowledged yet."
)
PRODUCERS_REPLACED = counter(
    "forvarning_ingest_producers_replaced", "Producers closed after a delivery failed for good."
)
PARKED = counter(
    "forvarning_ingest_parked", "Facts kept because the roster does not know the pupil yet."
)
RELEASED = counter("forvarning_ingest_released", "Parked facts sent when the roster caught up.")
PARKED_NOW = gauge("forvarning_ingest_parked_waiting", "Facts that wait for the roster.")
OUTBOX_WAITING = gauge("forvarning_ingest_outbox_waiting", "Records stored and not sent yet.")
ROSTERS = counter("forvarning_ingest_rosters", "Rosters received, by outcome.", ["outcome"])
ROSTERS_HELD = gauge("forvarning_ingest_rosters_held", "Rosters that wait for a human's decision.")
DAYS_CLOSED = counter("forvarning_ingest_days_closed", "Unit days closed or reopened.", ["kind"])
CLOSER_LAG = gauge(
    "forvarning_ingest_closer_lag_seconds",
    "How long ago the oldest unit day fell due that not every partition has acknowledged.",
)
BACKGROUND_FAILURES = counter(
    "forvarning_ingest_background_failures", "Rounds of background work that failed.", ["task"]
)
UNITS_ON_PRINCIPAL = gauge(
    "forvarning_ingest_units_without_attendance_officer",
    "Units whose warnings fall to the principal, for lack of an attendance officer.",
)
UNITS_UNASSIGNED = gauge(
    "forvarning_ingest_units_without_recipient",
    "Units with neither attendance officer nor principal: their warnings reach nobody by name.",
)
CLIENT_LOG = counter(
    "forvarning_ingest_client_log",
    "What school systems reported to /log and /statistics of SS 12000, by severity.",
    ["severity"],
)
PULLED = counter(
    "forvarning_ingest_pulled", "Entities read from school systems.", ["resource", "outcome"]
)
PULL_PROBLEMS = counter(
    "forvarning_ingest_pull_problems",
    "Entities read that could not be used as they are.",
    ["resource", "code"],
)
PULL_RUNS = counter("forvarning_ingest_pull_runs", "Runs that read a school system.", ["outcome"])
PULL_SECONDS = counter(
    "forvarning_ingest_pull_seconds",
    "What runs spend their time on: fetch (the school system answers), take (a page is staged and "
    "acknowledged), save (where the run stands), settle (roster and timetable take effect).",
    ["step"],
)
PULL_RETRIES = counter(
    "forvarning_ingest_pull_retries", "Calls to school systems tried again.", ["status"]
)
PULL_LAG = gauge(
    "forvarning_ingest_pull_lag_seconds",
    "How long ago each pulled source was last read to its end; by the source's id.",
    ["source"],
)
