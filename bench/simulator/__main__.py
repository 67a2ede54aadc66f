"""`python -m bench.simulator`."""

from __future__ import annotations

from bench.simulator.cli import app

app(prog_name="forvarning simulate")
