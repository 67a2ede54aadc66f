#!/usr/bin/env bash
# Writes proto/gen from the contracts. With --check: fails where it is not current.
set -euo pipefail
cd "$(dirname "$0")"
out=gen
if [ "${1:-}" = "--check" ]; then out=$(mktemp -d); trap 'rm -rf "$out"' EXIT; fi
mkdir -p "$out"
python="${PYTHON:-../.venv/bin/python}"
# shellcheck disable=SC2046
"$python" -m grpc_tools.protoc -I . --python_out="$out" --pyi_out="$out" $(find forvarning -name '*.proto' | sort)
find "$out/forvarning" -type d -exec touch {}/__init__.py {}/py.typed \;
if [ "${1:-}" = "--check" ]; then
  diff -r -x __pycache__ "$out" gen || { echo "proto/gen is not current: run make proto" >&2; exit 1; }
fi
