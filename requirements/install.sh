#!/usr/bin/env bash
# install.sh NAME…: brings .venv to requirements/NAME.txt, every file checked against its hash.
# uv does it in a fifth of pip's time; where it cannot reach what pip can (a mirror in pip's own
# configuration), pip does it.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $(python3 --version)" >&2; exit 1; }
pip=(.venv/bin/python -m pip)
if [ ! -x .venv/bin/python ]; then
  # A pip of its own takes most of a new environment's time: the system's can serve it instead.
  if python3 -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (22, 3))' 2>/dev/null; then
    python3 -m venv --without-pip .venv
  else
    python3 -m venv .venv
  fi
fi
.venv/bin/python -c 'import pip' 2>/dev/null || pip=(python3 -m pip --python .venv/bin/python)
install=("${pip[@]}" install --quiet --disable-pip-version-check)
uv=(.venv/bin/uv pip install --quiet --python .venv/bin/python)
lists=()
for name in "$@"; do lists+=(-r "requirements/$name.txt"); done
echo "installing requirements: $* …"
if "${install[@]}" --no-compile --require-hashes -r requirements/installer.txt \
  && "${uv[@]}" --require-hashes "${lists[@]}"; then
  "${uv[@]}" --no-deps --no-build-isolation -e .
else
  echo "the quick installer did not get through; pip takes over (about a minute) …"
  "${install[@]}" --require-hashes "${lists[@]}"
  "${install[@]}" --no-deps --no-build-isolation -e .
fi
