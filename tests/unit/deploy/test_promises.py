"""What docs/dpia.md and docs/ai-act.md promise is tied to tests that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor

from forvarning.facts.v1 import facts_pb2
from forvarning.roster.v1 import roster_pb2
from forvarning.state.v1 import state_pb2
from forvarning.warnings.v1 import warnings_pb2

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("docs/dpia.md", "docs/ai-act.md")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
#: What a field about a person's traits or identity would be called.
_TRAITS = re.compile(
    r"sex|gender|birth|age$|^name|name$|origin|language|diagnos|address|civic|email|phone|"
    r"nationality|religion|health|picture|score"
)


def named(page: str) -> list[tuple[str, str]]:
    return _TEST.findall((ROOT / page).read_text("utf-8"))


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    found = named(page)
    assert len(found) >= 10
    missing = [
        f"{file}::{name}"
        for file, name in found
        if not (ROOT / file).is_file() or name not in functions(ROOT / file)
    ]
    assert missing == []
    assert all(name.startswith("test_") for _, name in found)


def test_every_risk_has_a_measure_with_a_test() -> None:
    text = (ROOT / "docs/dpia.md").read_text("utf-8")
    risks = re.split(r"^### ", text.partition("## What remains")[0], flags=re.MULTILINE)[1:]
    assert len(risks) >= 12
    assert [risk.splitlines()[0] for risk in risks if not _TEST.search(risk)] == []


@pytest.mark.parametrize("page", [*PAGES, "docs/retention.md"])
def test_every_page_that_is_referred_to_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    gone = [target for target in _LINK.findall(text) if not (ROOT / "docs" / target).exists()]
    assert gone == []


def fields(message: Descriptor) -> Iterator[str]:
    """Every field of a message and of those inside it."""
    for one in message.fields:
        yield f"{message.name}.{one.name}"
    for inner in message.nested_types:
        yield from fields(inner)


def test_the_contracts_of_the_stream_carry_no_traits() -> None:
    """What is not in a message can be in no rule."""
    found = {
        name
        for module in (facts_pb2, roster_pb2, state_pb2, warnings_pb2)
        for message in module.DESCRIPTOR.message_types_by_name.values()
        for name in fields(message)
        if _TRAITS.search(name.partition(".")[2])
    }
    # A term has a name, and a bucket a list of ids, of units and activities.
    assert found == {"Term.name", "BucketValue.names"}
