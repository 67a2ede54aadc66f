"""Settings that would do harm together are refused, with their names."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.common.settings import EwsSettings


@pytest.mark.parametrize(
    ("name", "seconds"), [("ews_catch_up_seconds", 31.0), ("ews_checkpoint_seconds", 60.0)]
)
def test_a_worker_is_not_ended_for_waiting_as_it_was_told(name: str, seconds: float) -> None:
    with pytest.raises(ValidationError) as caught:
        EwsSettings.model_validate({name: seconds})
    said = str(caught.value)
    assert f"FORVARNING_{name.upper()}: {seconds:g} s" in said
    assert "FORVARNING_EWS_STUCK_SECONDS (60 s)" in said


def test_a_longer_wait_goes_with_a_longer_limit() -> None:
    settings = EwsSettings(ews_catch_up_seconds=60.0, ews_stuck_seconds=120.0)
    assert settings.ews_catch_up_seconds == 60.0
    assert EwsSettings(ews_catch_up_seconds=30.0).ews_stuck_seconds == 60.0
