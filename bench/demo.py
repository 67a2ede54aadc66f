"""`make bench-demo`: from a fresh clone to the first warning on the page, installation included.

It clones the last commit into a temporary folder, types `make demo` there as a newcomer would, and
watches the page. What pip, uv and the jars' cache hold already is not fetched again: the figure is
for a warm package cache.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.result import Aim, print_result

ROOT = Path(__file__).resolve().parents[1]
AIMS = (Aim("first_warning_seconds", "<=", 60),)
_PATIENCE_SECONDS = 300.0
_ADDRESS = re.compile(r"Watch it happen:\s+(http://\S+)")
# The table of the latest warnings has a first line.
_WARNED = re.compile(r"<tbody>\s*<tr>")


class NotMeasuredError(Exception):
    """The demo did not come so far; the text says how far."""


def measure(folder: Path) -> dict[str, float]:
    """Seconds from before the clone to each step."""
    clone, output = folder / "forvarning", folder / "output"
    began = time.monotonic()
    reached: dict[str, float] = {}

    def arrived(step: str) -> None:
        reached[f"{step}_seconds"] = round(time.monotonic() - began, 2)
        print(f"{reached[f'{step}_seconds']:6.1f} s  {step.replace('_', ' ')}", flush=True)

    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    arrived("cloned")
    with output.open("wb") as file:
        make = subprocess.Popen(
            ["make", "demo"],
            cwd=clone,
            stdout=file,
            stderr=subprocess.STDOUT,
            # A group of its own, so that it can be stopped as Ctrl-C in a terminal does.
            start_new_session=True,
        )
    try:
        while "first_warning_seconds" not in reached:
            text = output.read_text("utf-8")
            if make.poll() is not None or time.monotonic() - began > _PATIENCE_SECONDS:
                raise NotMeasuredError(f"no warning came; make demo said:\n{text}")
            if "installed_seconds" not in reached and (clone / ".venv" / "local").exists():
                arrived("installed")
            address = _ADDRESS.search(text)
            if address is not None:
                if "started_seconds" not in reached:
                    arrived("started")
                if _WARNED.search(_page(address[1])):
                    arrived("first_warning")
            time.sleep(0.1)
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGINT)
        make.wait(120)
    return reached


def _page(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
            content: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError):
        return ""
    return content.decode("utf-8")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="forvarning-demo-") as folder:
        try:
            figures = measure(Path(folder))
        except NotMeasuredError as error:
            print(f"bench-demo: {error}", file=sys.stderr)
            return 1
    print_result("bench-demo", figures, AIMS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
