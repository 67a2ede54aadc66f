#!/usr/bin/env bash
# buf breaking against the last commit on main (its parent when that is what is checked out).
set -euo pipefail
cd "$(dirname "$0")/.."
against=$(git rev-parse --verify --quiet main || git rev-parse HEAD)
if [ "$against" = "$(git rev-parse HEAD)" ] && git diff --quiet HEAD -- proto; then
  against=$(git rev-parse --verify --quiet HEAD~1 || echo "$against")
fi
old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
git archive "$against" proto | tar -x -C "$old"
.venv/bin/buf breaking proto --against "$old/proto"
