"""Asks the oracle twice: about the log as it is, and about a copy with one register removed."""

from __future__ import annotations

from deploy.check.context import Run
from deploy.check.say import Diary
from deploy.check.stack import CheckStack
from services.common.settings import OracleSettings
from services.ews.oracle.findings import Finding
from services.ews.oracle.run import Oracle

_SHOWN = 10
_WAIT_SECONDS = 20.0


async def ask(run: Run) -> dict[str, float | None]:
    """The oracle's counts over topic, cases and notify, and what the removed register brought."""
    settings = _settings(run.stack)
    say = run.diary.say
    sound = await Oracle(settings, say=lambda text: say(f"oracle: {text}")).run()
    scope = sound.scope
    say(
        f"oracle: {scope.facts} facts, {scope.marks} marks, {scope.threads} threads with "
        f"{scope.revisions} revisions, {scope.obligations} obligations in {scope.seconds:.1f} s: "
        + ", ".join(f"{kind} {count}" for kind, count in sound.counts().items())
    )
    _show(run.diary, sound.findings)
    copied = Oracle(settings, say=lambda text: say(f"oracle on the copy: {text}"))
    without = await copied.run(without_register=run.options.seed)
    detected = [finding for finding in without.findings if finding not in sound.findings]
    say(f"oracle on the copy: {len(detected)} findings that the whole log does not give")
    _show(run.diary, detected[:1])
    counts = {f"oracle_{kind}": count for kind, count in sound.counts().items()}
    return {
        **counts,
        "oracle_detects_removed_register": len(detected),
        "oracle_facts": scope.facts,
        "oracle_lag": scope.lag,
        "oracle_undigested": scope.undigested,
        "oracle_seconds": scope.seconds,
    }


def _settings(stack: CheckStack) -> OracleSettings:
    values = stack.local.addresses.values
    names = (field for field in OracleSettings.model_fields if field in values)
    return OracleSettings.model_validate(
        {name: values[name] for name in names}
        | {
            "oracle_cases_url": stack.url("cases"),
            "oracle_notify_url": stack.url("notify"),
            "oracle_wait_seconds": _WAIT_SECONDS,
        }
    )


def _show(diary: Diary, findings: list[Finding]) -> None:
    shown: dict[tuple[str, str], int] = {}
    for finding in findings:
        group = (finding.kind, finding.store)
        shown[group] = shown.get(group, 0) + 1
        if shown[group] <= _SHOWN:
            diary.say(f"oracle: {finding}")
