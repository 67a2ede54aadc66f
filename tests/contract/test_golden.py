"""Golden bytes: every released message must go on being read and written the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from google.protobuf.message import Message

from tests.contract.samples import SAMPLES

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_bytes_are_as_released(name: str) -> None:
    sample = SAMPLES[name]
    file = GOLDEN / f"{name}.hex"
    encoded = sample.SerializeToString(deterministic=True)
    if os.environ.get("FORVARNING_WRITE_GOLDEN") == "1" and not file.exists():
        file.write_text(encoded.hex() + "\n", "ascii")
    assert encoded.hex() == file.read_text("ascii").strip()
    again: Message = type(sample)()
    again.ParseFromString(bytes.fromhex(file.read_text("ascii")))
    assert again == sample


def test_every_top_level_message_has_a_sample() -> None:
    """A field that no sample sets is a field whose bytes nobody guards."""
    for name, sample in SAMPLES.items():
        unset = [
            field.name
            for field in sample.DESCRIPTOR.fields
            if field.containing_oneof is None
            and field.name not in {entry.name for entry, _ in sample.ListFields()}
        ]
        assert not unset, f"{name} leaves out {unset}"


def test_no_golden_file_without_its_sample() -> None:
    assert {file.stem for file in GOLDEN.glob("*.hex")} == set(SAMPLES)
