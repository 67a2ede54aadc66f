"""Read settings from the environment, or say in one line each what is wrong with them."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from services.common.settings import CommonSettings

Kind = TypeVar("Kind", bound=CommonSettings)


def read(kind: type[Kind]) -> Kind:
    """The settings; the process ends with status 2 and the variables' names when some are wrong."""
    try:
        return kind()
    except ValidationError as error:
        lines = [
            f"FORVARNING_{'_'.join(str(part) for part in row['loc']).upper()}: {row['msg']}"
            if row["loc"]
            else row["msg"]
            for row in error.errors(include_input=False)
        ]
        print("\n".join(lines))
        raise SystemExit(2) from None
