"""What keeps a comparison from being made; the text is for the one who asked."""

from __future__ import annotations


class WhatIfError(Exception):
    """Says what is wrong and what would do instead."""
