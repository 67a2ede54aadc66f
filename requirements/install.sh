#!/usr/bin/env bash
# install.sh NAME…: brings .venv to requirements/NAME.txt, every file checked against its hash.
# uv does it in a fifth of pip's time; where it cannot reach what pip can (a mirror in pip's own
# configuration), pip does it.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $(python3 --version)" >&2; exit 1; }
[ -x .venv/bin/python ] || python3 -m venv .venv
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
lists=()
for name in "$@"; do lists+=(-r "requirements/$name.txt"); done
echo "installing requirements: $* …"
if ! { "${pip[@]}" --require-hashes -r requirements/installer.txt \
  && .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes "${lists[@]}"; }; then
  echo "the quick installer did not get through; pip takes over (about a minute) …"
  "${pip[@]}" --require-hashes "${lists[@]}"
fi
"${pip[@]}" --no-deps --no-build-isolation -e .
# uv leaves the compiling to the first import, and PYTHONDONTWRITEBYTECODE (see the Makefile) forbids
# it there: every process would compile everything anew, which takes half of a service's start.
.venv/bin/python -m compileall -q -j 0 "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
