"""The image's entry point: read secrets from files, then become the command.

A setting whose variable ends in ``_FILE`` is read from the file that it names (Docker's and
Kubernetes' way with secrets), so that no secret stands in a container's description:
``FORVARNING_CASES_DATABASE_URL_FILE=/run/secrets/cases_database_url`` gives the setting
``FORVARNING_CASES_DATABASE_URL``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PREFIX = "FORVARNING_"
SUFFIX = "_FILE"
# A setting of its own, and no secret: a path that the services read themselves.
_NOT_SECRETS = frozenset({"FORVARNING_CLOCK_FILE", "FORVARNING_KAFKA_CA_FILE"})


class SecretFileError(Exception):
    """A secret's file is missing, empty or contradicts its variable."""


def resolve(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with every secret read; SecretFileError names the variable at fault."""
    result = dict(environment)
    for variable, path in environment.items():
        if not variable.startswith(PREFIX) or not variable.endswith(SUFFIX):
            continue
        if variable in _NOT_SECRETS:
            continue
        name = variable.removesuffix(SUFFIX)
        if environment.get(name):
            raise SecretFileError(f"Both {name} and {variable} are set; leave one out.")
        try:
            content = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SecretFileError(
                f"{variable}: {path} cannot be read ({error.strerror})."
            ) from None
        if not content:
            raise SecretFileError(f"{variable}: {path} is empty.")
        result[name] = content
        del result[variable]
    return result


def main() -> None:
    """Replace this process by the command; signals then reach it directly."""
    if len(sys.argv) < 2:
        sys.exit("Give the command to run, for instance: python -m services.ingest")
    try:
        environment = resolve(os.environ)
    except SecretFileError as error:
        sys.exit(str(error))
    os.execvpe(sys.argv[1], sys.argv[1:], environment)  # noqa: S606 - replacing is the purpose


if __name__ == "__main__":
    main()
