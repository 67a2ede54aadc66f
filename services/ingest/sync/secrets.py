"""Secrets of sources: by name from the process's own settings, never from the database."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from services.ingest.sync.errors import SecretMissingError

PREFIX = "FORVARNING_SOURCE_SECRET_"
NAME = r"^[A-Z][A-Z0-9_]{0,62}$"
_NAME = re.compile(NAME)


class Secrets:
    """Looks a secret up in a folder of files (as Kubernetes mounts them), then in the environment.

    Only what carries :data:`PREFIX` can be named, so that no other secret of the process can be
    sent to an address of somebody's choice. Read anew each time: a changed file holds at once.
    """

    def __init__(self, folder: Path | None, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = os.environ if environment is None else environment

    def get(self, name: str) -> SecretStr:
        """Raises :class:`SecretMissingError`, which says where to put it."""
        if not _NAME.fullmatch(name):
            raise SecretMissingError(f"/secret: {name!r} is no name; use A-Z, 0-9 and _")
        if self._folder is not None and (file := self._folder / name).is_file():
            return SecretStr(file.read_text("utf-8").strip())
        if value := self._environment.get(PREFIX + name):
            return SecretStr(value)
        where = f"set {PREFIX}{name} in ingest's environment"
        if self._folder is not None:
            where += f", or put the file {name} into FORVARNING_INGEST_SOURCE_SECRETS"
        raise SecretMissingError(f"/secret: {name} is not known to ingest; {where}")
