"""docs/openapi/ingest.json says what the program says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.common.settings import IngestSettings
from services.ingest.main import create_app

FILE = Path("docs/openapi/ingest.json")


def _document() -> dict[str, Any]:
    settings = IngestSettings(
        ingest_database_url=SecretStr("postgresql://nowhere"), ingest_ops_token=SecretStr("x")
    )
    return create_app(settings).openapi()


def test_the_document_is_current() -> None:
    """FORVARNING_WRITE_OPENAPI=1 writes it anew."""
    text = json.dumps(_document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("FORVARNING_WRITE_OPENAPI") == "1":
        FILE.write_text(text, "utf-8")
    assert FILE.read_text("utf-8") == text


def test_every_reference_leads_somewhere() -> None:
    document = _document()
    schemas = document["components"]["schemas"]

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(child) for child in node.values()))
        if isinstance(node, list):
            return set().union(*(references(child) for child in node))
        return set()

    found = references(document)
    assert "#/components/schemas/RegisterIn" in found
    assert found == {f"#/components/schemas/{name}" for name in schemas} & found
    for path in ("/v1/registers", "/v1/notices", "/v1/profiles", "/v1/sources"):
        assert "requestBody" in document["paths"][path]["post"]
