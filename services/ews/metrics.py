"""Every metric of the EWS worker and its group step. Updated once a checkpoint, never a fact."""

from __future__ import annotations

from services.common.metrics import counter, gauge, histogram

FACTS = counter("forvarning_ews_facts", "Facts applied and committed.")
DUPLICATES = counter("forvarning_ews_duplicate_facts", "Records skipped: applied before.")
DEAD_LETTERS = counter("forvarning_ews_dead_letters", "Facts sent to the dead letters.", ["reason"])
FAILED_FOLDS = counter("forvarning_ews_failed_folds", "Pupils whose decision raised.")
ROWS = counter("forvarning_ews_rows", "Rows written in committed checkpoints.", ["topic"])
TRANSACTION_SECONDS = histogram(
    "forvarning_ews_transaction_seconds", "From a checkpoint's snapshot to its commit."
)
EVENT_LAG_SECONDS = histogram(
    "forvarning_ews_event_lag_seconds",
    "From the broker's stamp on a checkpoint's oldest fact to its commit.",
)
COMMIT_AGE_SECONDS = gauge(
    "forvarning_ews_commit_age_seconds",
    "How long the longest waiting partition has had facts that no checkpoint holds.",
)
PARTITIONS = gauge("forvarning_ews_partitions", "Partitions owned and restored.")
WAITING = gauge(
    "forvarning_ews_waiting_partitions", "Partitions held back until a profile's content is there."
)
REBUILDING = gauge(
    "forvarning_ews_rebuilding_partitions", "Partitions that publish nothing yet: being rebuilt."
)
RECOVERY_SECONDS = histogram(
    "forvarning_ews_recovery_seconds", "From an assignment to its restored partitions."
)
REBALANCES = counter("forvarning_ews_rebalances", "Assignments received from the group.")
VERIFIED_SECONDS = gauge(
    "forvarning_ews_verified_unix_seconds", "When the checkpoints last agreed with the input log."
)
WAVES = counter("forvarning_ews_waves", "Waves written by the group step, to every partition.")
WAVE_DAYS_INCOMPLETE = gauge(
    "forvarning_ews_wave_incomplete_days",
    "Units' days without a Wave, since not every partition has closed them yet.",
)
SCHOOL_SIGNALS = counter(
    "forvarning_ews_school_signals", "Signals to schools written by the group step.", ["kind"]
)
GROUP_LAG_SECONDS = histogram(
    "forvarning_ews_group_lag_seconds",
    "From the broker's stamp on the oldest new sum to the Waves and signals that follow from it.",
)
