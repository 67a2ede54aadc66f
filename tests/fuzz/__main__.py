"""``python -m tests.fuzz TARGET FOLDER SECONDS [SEED]``: fuzz one decoder, guided by its coverage.

FOLDER keeps the inputs that reach something new. The kept ones of
tests/data/fuzz/TARGET are where it starts. An input that ends in an exception
is written to FOLDER/crash-…, and the exit code is not 0. With a SEED it goes the same
way each time, as far as it gets.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

DATA = Path("tests/data/fuzz")


def _broken(content: bytes) -> None:
    """For the fuzzer's own test: three right bytes, found one after the other by coverage only."""
    if len(content) > 2 and content[0] == 0x5B and content[1] == 0x07 and content[2] == 0xC3:
        raise AssertionError("found")


def main() -> None:
    name, folder, seconds, *seed = sys.argv[1:5]
    # Only what is imported inside is watched: the decoders, not the libraries below them.
    with atheris.instrument_imports(include=["services.ingest", "services.common.clock"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415
    own = Path(folder)
    own.mkdir(parents=True, exist_ok=True)
    arguments = [
        sys.argv[0],
        str(own),
        *[str(one) for one in (DATA / name,) if one.is_dir()],
        f"-max_total_time={seconds}",
        f"-artifact_prefix={own}/",
        "-timeout=120",
        "-rss_limit_mb=2048",
        "-max_len=4096",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    words = DATA / f"{name}.dict"
    if words.exists():
        arguments.append(f"-dict={words}")
    target = atheris.instrument_func(_broken) if name == "broken" else TARGETS[name]
    arguments += [f"-seed={number}" for number in seed]
    atheris.Setup(arguments, target)
    atheris.Fuzz()


main()
