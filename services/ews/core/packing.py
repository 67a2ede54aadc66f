"""Small integer matrices as few bytes: most rows of marks and sums are one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SAME, _BYTES, _WORDS = 0, 1, 2


def pack(matrix: NDArray[np.int16]) -> bytes:
    """Each row as one number, as bytes or as 16-bit words, whichever is enough."""
    rows, width = matrix.shape
    if not width:
        return bytes(rows)
    parts: list[bytes] = []
    # Plain lists: the matrices are too small for NumPy to be the quicker one.
    for i, row in enumerate(matrix.tolist()):
        first = row[0]
        if row.count(first) == width:
            parts.append(b"\0" + first.to_bytes(2, "little", signed=True))
        elif min(row) >= 0 and max(row) < 256:
            parts.append(b"\1" + bytes(row))
        else:
            parts.append(b"\2" + matrix[i].astype("<i2").tobytes())
    return b"".join(parts)


def unpack(packed: bytes, rows: int, width: int) -> tuple[NDArray[np.int16], int]:
    """The matrix that :func:`pack` wrote at the beginning of ``packed``, and where it ends."""
    matrix = np.zeros((rows, width), np.int16)
    if not width:
        return matrix, rows
    at = 0
    for i in range(rows):
        kind = packed[at]
        at += 1
        if kind == _SAME:
            matrix[i] = int.from_bytes(packed[at : at + 2], "little", signed=True)
            at += 2
        elif kind == _BYTES:
            matrix[i] = np.frombuffer(packed, np.uint8, width, at)
            at += width
        elif kind == _WORDS:
            matrix[i] = np.frombuffer(packed, "<i2", width, at)
            at += 2 * width
        else:
            raise ValueError(f"no kind of row: {kind}")
    return matrix, at
