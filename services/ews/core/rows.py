"""State rows as bytes: large ones whose identifiers repeat are deflated."""

from __future__ import annotations

import zlib

from forvarning.state.v1.state_pb2 import StateValue

_LEVEL = 1
"""The quickest: higher ones make these rows hardly smaller."""
_SMALL = 256
"""Bytes; what is smaller is not worth it."""


def encode(value: StateValue) -> bytes:
    """The row."""
    plain = value.SerializeToString()
    if len(plain) < _SMALL:
        return plain
    deflated = StateValue(deflated=zlib.compress(plain, _LEVEL)).SerializeToString()
    return min(deflated, plain, key=len)


def decode(row: bytes) -> StateValue:
    """What :func:`encode` was given."""
    value = StateValue.FromString(row)
    if value.deflated:
        return StateValue.FromString(zlib.decompress(value.deflated))
    return value
