"""Write the dashboards' JSON: ``python -m deploy.grafana.build``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("dashboards") / "forvarning.json"
_SOURCE = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True)
class Panel:
    """One graph or number: what it shows, and its lines as (legend, PromQL)."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    kind: str = "timeseries"
    text: str = ""


def _rate(metric: str, by: str = "") -> str:
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}[$__rate_interval]))"


def _quantile(fraction: float, metric: str) -> str:
    return f"histogram_quantile({fraction}, sum by (le) (rate({metric}_bucket[$__rate_interval])))"


def _percentiles(metric: str) -> tuple[tuple[str, str], ...]:
    return (
        ("half", _quantile(0.5, metric)),
        ("99 %", _quantile(0.99, metric)),
    )


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "From the lesson to the person",
        (
            Panel(
                "From acceptance to a stored warning",
                "s",
                _percentiles("forvarning_cases_warning_age_seconds"),
                text="The whole chain, as its user meets it.",
            ),
            Panel(
                "Late checkpoints",
                "percentunit",
                (("last hour", "forvarning:ews_late:ratio_rate1h"),),
                kind="stat",
                text="The promise is that 99 % hold their oldest fact within 60 s.",
            ),
            Panel("Workers", "none", (("", 'count(up{job="ews"} == 1)'),), kind="stat"),
            Panel("Cases with nobody", "none", (("", "forvarning_cases_unassigned"),), kind="stat"),
            Panel(
                "Duties past their time",
                "none",
                (("{{kind}}", "sum by (kind) (forvarning_cases_overdue_duties)"),),
            ),
        ),
    ),
    (
        "Ingest",
        (
            Panel(
                "Items",
                "ops",
                (
                    (
                        "{{resource}} {{outcome}}",
                        _rate("forvarning_ingest_items_total", "resource, outcome"),
                    ),
                ),
            ),
            Panel("Marks", "ops", (("", _rate("forvarning_ingest_marks_total")),)),
            Panel("Kafka's acknowledgement", "s", _percentiles("forvarning_ingest_ack_seconds")),
            Panel(
                "Refusals",
                "ops",
                (("{{code}}", _rate("forvarning_ingest_refusals_total", "code")),),
            ),
            Panel(
                "Waiting",
                "none",
                (
                    ("for the roster", "forvarning_ingest_parked_waiting"),
                    ("to be sent", "forvarning_ingest_outbox_waiting"),
                ),
            ),
            Panel("Oldest day not closed", "s", (("", "forvarning_ingest_closer_lag_seconds"),)),
        ),
    ),
    (
        "EWS",
        (
            Panel(
                "Facts committed",
                "ops",
                (("{{instance}}", _rate("forvarning_ews_facts_total", "instance")),),
            ),
            Panel(
                "From the log to the checkpoint",
                "s",
                _percentiles("forvarning_ews_event_lag_seconds"),
            ),
            Panel("Transactions", "s", _percentiles("forvarning_ews_transaction_seconds")),
            Panel(
                "Partitions",
                "none",
                (
                    ("{{instance}}", "forvarning_ews_partitions"),
                    ("rebuilding", "sum(forvarning_ews_rebuilding_partitions)"),
                    ("waiting for a profile", "sum(forvarning_ews_waiting_partitions)"),
                ),
            ),
            Panel(
                "Longest without a checkpoint",
                "s",
                (("{{instance}}", "forvarning_ews_commit_age_seconds"),),
            ),
            Panel(
                "Undigested facts",
                "none",
                (("{{reason}}", "sum by (reason) (forvarning_ews_dead_letters_total)"),),
            ),
            Panel("Restores", "s", _percentiles("forvarning_ews_recovery_seconds")),
            Panel(
                "Group step",
                "s",
                _percentiles("forvarning_ews_group_lag_seconds"),
                text="From a class's sums to the waves and school signals that follow from them.",
            ),
            Panel(
                "School signals",
                "ops",
                (("{{kind}}", _rate("forvarning_ews_school_signals_total", "kind")),),
            ),
        ),
    ),
    (
        "Cases and notices",
        (
            Panel("Cases", "ops", (("{{kind}}", _rate("forvarning_cases_changes_total", "kind")),)),
            Panel("Pages and API", "s", _percentiles("forvarning_cases_request_seconds")),
            Panel(
                "Attempts to send",
                "ops",
                (
                    (
                        "{{channel}} {{outcome}}",
                        _rate("forvarning_notify_attempts_total", "channel, outcome"),
                    ),
                ),
            ),
            Panel(
                "Deliveries",
                "ops",
                (
                    (
                        "{{kind}} {{state}}",
                        _rate("forvarning_notify_deliveries_total", "kind, state"),
                    ),
                ),
            ),
            Panel(
                "Homes to ring",
                "ops",
                (("{{reason}}", _rate("forvarning_cases_calls_home_total", "reason")),),
            ),
            Panel(
                "Oldest waiting",
                "s",
                (
                    ("notice", "forvarning_notify_oldest_due_seconds"),
                    ("event of cases", "forvarning_cases_outbox_oldest_age_seconds"),
                ),
            ),
        ),
    ),
)


def queries() -> list[str]:
    """Every PromQL expression on the dashboards."""
    return [expr for _, panels in ROWS for panel in panels for _, expr in panel.lines]


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": top},
                "panels": [],
            }
        )
        top += 1
        for number, panel in enumerate(row):
            x, y = 8 * (number % 3), top + 8 * (number // 3)
            panels.append(_panel(len(panels) + 1, panel, x, y))
        top += 8 * -(-len(row) // 3)
    return {
        "uid": "forvarning",
        "title": "Förvarning",
        "tags": ["forvarning"],
        "timezone": "Europe/Stockholm",
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": panels,
    }


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": {"h": 8, "w": 8, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {},
        "targets": [
            {
                "refId": chr(ord("A") + i),
                "datasource": _SOURCE,
                "expr": expr,
                "legendFormat": legend,
            }
            for i, (legend, expr) in enumerate(panel.lines)
        ],
    }


def text() -> str:
    """What the file must hold."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
