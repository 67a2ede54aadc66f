"""Alerts and dashboards: they parse, they fire when they should, they name metrics that exist."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.grafana import build

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "rules.yml"
# Prometheus makes this one itself.
GIVEN = {"up"}


def run(*argv: str, cwd: Path = PROMETHEUS) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in load(RULES)["groups"] for rule in group["rules"]]


def exported() -> set[str]:
    """Every time series name that the services can expose."""
    for service in ("ingest", "ews", "cases", "notify"):
        importlib.import_module(f"services.{service}.metrics")
    names: set[str] = set()
    for family in REGISTRY.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names


def named(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:forvarning_[a-z0-9_]+|up)\b", expression))


def test_prometheus_and_alertmanager_read_their_configuration() -> None:
    run("promtool", "check", "config", "prometheus.yml")
    run("amtool", "check-config", "alertmanager.yml", cwd=ROOT / "deploy" / "alertmanager")


def test_alerts_fire_and_stay_silent_as_their_tests_say() -> None:
    run("promtool", "test", "rules", "rules_test.yml")


def test_every_alert_has_a_test_that_it_fires_and_one_that_it_stays_silent() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for case in load(PROMETHEUS / "rules_test.yml")["tests"]:
        for check in case["alert_rule_test"]:
            (fires if check.get("exp_alerts") else silent).add(check["alertname"])
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    assert alerts == fires
    assert alerts - {"DeadMansSwitch"} == silent


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
            assert rule["labels"]["severity"] in {"page", "ticket", "none"}


def test_every_routed_severity_exists_and_every_inhibition_names_alerts() -> None:
    text = (ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text("utf-8")
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    for value in re.findall(r'alertname=~?"([^"]+)"', text):
        assert set(value.split("|")) <= alerts


def test_rules_and_dashboards_name_only_metrics_that_the_code_exports() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = exported() | GIVEN
    expressions = [rule["expr"] for rule in rules()] + build.queries()
    wanted = set().union(*(named(re.sub(r"forvarning:[a-z0-9_:]+", "", e)) for e in expressions))
    assert len(wanted) > 20
    assert wanted <= known, sorted(wanted - known)
    used = {name for e in expressions for name in re.findall(r"forvarning:[a-z0-9_:]+", e)}
    assert used <= recorded


def test_the_check_of_names_would_notice_a_wrong_one() -> None:
    assert not named("rate(forvarning_ews_fact_total[5m])") <= exported()


def test_the_dashboards_file_is_what_its_program_writes() -> None:
    assert build.TARGET.read_text("utf-8") == build.text()


def test_every_query_of_the_dashboards_parses(tmp_path: Path) -> None:
    queries = [q.replace("$__rate_interval", "5m") for q in build.queries()]
    content = {
        "groups": [
            {
                "name": "dashboard",
                "rules": [
                    {"record": f"panel:query{i}:x", "expr": query}
                    for i, query in enumerate(queries)
                ],
            }
        ]
    }
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    run("promtool", "check", "rules", str(file))


@pytest.mark.parametrize("service", ["ingest", "ews", "cases", "notify"])
def test_every_metric_is_watched_or_shown_or_plainly_an_aid(service: str) -> None:
    """A service without a single line on the dashboard would be flown blind."""
    assert any(f"forvarning_{service}_" in query for query in build.queries())
