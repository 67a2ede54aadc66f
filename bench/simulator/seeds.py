"""Random streams that depend on the seed and on what they are for, never on call order."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def rng(seed: int, *labels: str | int) -> np.random.Generator:
    """A generator of its own for one purpose: the same labels always give the same numbers."""
    words = [crc32(label.encode()) if isinstance(label, str) else label for label in labels]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))
