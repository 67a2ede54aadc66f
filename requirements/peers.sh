#!/usr/bin/env bash
# Brings .venv/peers to requirements/peers.txt, every file checked against its hash. Needs .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/peers/bin/python ] || .venv/bin/python -m venv --without-pip .venv/peers
echo "installing what the benchmark compares with …"
.venv/bin/uv pip install --quiet --python .venv/peers/bin/python --require-hashes -r requirements/peers.txt \
  || python3 -m pip --python .venv/peers/bin/python install --quiet --disable-pip-version-check \
    --require-hashes -r requirements/peers.txt
