"""The tests' own profile, frozen: its figures stay when the shipped profiles are tuned.

What is about the shipped ``standard`` reads that one; everything else that counts on
a profile's figures reads this one.
"""

from __future__ import annotations

from pathlib import Path

TRIAL_FILE = Path(__file__).parent / "data" / "profiles" / "provprofil.toml"
TRIAL = TRIAL_FILE.read_bytes()
TRIAL_ID = "provprofil"
TRIAL_KEY = b"provprofil@1"
"""Its key on rules.profiles.v1."""
