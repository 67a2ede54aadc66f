"""From what was asked for on the command line to a rule profile's content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.ews.core.profile import Profile, ProfileError, parse_profile
from services.ews.whatif.errors import WhatIfError

SHIPPED = Path(__file__).parents[1] / "profiles"
_NAME = re.compile(r"(?P<id>[a-z0-9][a-z0-9-]{0,63})(@(?P<version>[1-9][0-9]{0,6}))?")

Published = Callable[[], Awaitable[Mapping[tuple[str, int], bytes]]]
"""Reads every content on rules.profiles.v1, by id and version."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A profile that can be used. ``asked`` is how it was named, ``origin`` where it was found."""

    asked: str
    origin: str
    content: bytes
    profile: Profile

    @property
    def name(self) -> str:
        """Id and version."""
        return f"{self.profile.profile_id}@{self.profile.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def shipped() -> list[str]:
    """The ids of the profiles that come with Förvarning."""
    return sorted(file.stem for file in SHIPPED.glob("*.toml"))


async def choose(asked: str, published: Published | None) -> Chosen:
    """A file, a shipped profile's id, or id@version as shipped or as published.

    ``published`` is None where no Kafka was asked for. Raises WhatIfError that
    names what there is, or what is wrong in the file.
    """
    path = Path(asked)
    if path.is_file():
        return _read(asked, str(path), path)
    named = _NAME.fullmatch(asked)
    if named is None:
        raise WhatIfError(f"{asked}: there is no such file. {_there_is()}")
    file = SHIPPED / f"{named['id']}.toml"
    here = _read(asked, "shipped", file) if file.is_file() else None
    version = int(named["version"]) if named["version"] else None
    if here is not None and version in (None, here.profile.version):
        return here
    contents: Mapping[tuple[str, int], bytes] = await published() if published else {}
    if version is None:
        version = max((v for name, v in contents if name == named["id"]), default=0)
    content = contents.get((named["id"], version))
    if content is not None:
        return _parsed(asked, "rules.profiles.v1", content)
    where = "neither shipped nor on rules.profiles.v1" if published else "not shipped"
    raise WhatIfError(f"{asked}: this profile is {where}. {_there_is()}")


def _there_is() -> str:
    return f"Name a file, id@version of a published profile, or one of: {', '.join(shipped())}"


def _read(asked: str, origin: str, file: Path) -> Chosen:
    try:
        return _parsed(asked, origin, file.read_bytes())
    except OSError as error:
        raise WhatIfError(f"{file}: {error.strerror}") from error


def _parsed(asked: str, origin: str, content: bytes) -> Chosen:
    try:
        return Chosen(asked, origin, content, parse_profile(content))
    except ProfileError as error:
        raise WhatIfError(f"{asked} cannot be used: {error}") from error
