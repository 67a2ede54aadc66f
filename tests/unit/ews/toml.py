"""The TOML of the tests' profiles, said once: a rule tells only what it is about."""

from __future__ import annotations

USUAL = {
    "id": '"r"',
    "level": "1",
    "comparator": '">="',
    "resolve": "{ below = 1, school_days = 1 }",
    "source": '"test"',
}
"""What a rule says where the test does not say otherwise."""


def head(profile_id: str = "prov", version: int = 1, name: str = "") -> str:
    """``[profile]``."""
    told = name or profile_id.capitalize()
    return f'[profile]\nid = "{profile_id}"\nversion = {version}\nname = "{told}"\n'


def quiet(family: str, school_days: int) -> str:
    """The table of a family, before its rules."""
    return f"[signals.{family}]\nquiet_school_days = {school_days}\n"


def rule(family: str, told: str) -> str:
    """A rule's table; ``told`` is its keys and values, lines or parted by semicolons.

    Of a key that it tells :data:`USUAL` says nothing; an empty value leaves the key out.
    """
    own: dict[str, str] = {}
    for line in told.replace(";", "\n").splitlines():
        if line.strip():
            key, value = line.split("=", 1)
            own[key.strip()] = value.strip()
    lines = [f"{key} = {value}" for key, value in (USUAL | own).items() if value]
    return f"[[signals.{family}.rules]]\n" + "\n".join(lines) + "\n"


def profile(*tables: str, profile_id: str = "prov", version: int = 1, name: str = "") -> bytes:
    """A whole profile."""
    return (head(profile_id, version, name) + "".join(tables)).encode()
