#!/usr/bin/env bash
# Resolves the inputs to hashed locks, without registry addresses: one set of versions for all but the
# benchmark's peers, of which only what the core imports is the same.
set -euo pipefail
cd "$(dirname "$0")"
resolve() {
  uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links --quiet "$@"
}
resolve installer.in -o installer.txt
resolve dev.in -o dev.txt
resolve local.in -c dev.txt -o local.txt
resolve runtime.in -c dev.txt -o runtime.txt
own=$(mktemp)
trap 'rm -f "$own"' EXIT
sed -En 's#^((numpy|protobuf)==.*) .$#\1#p' dev.txt > "$own"
resolve peers.in -c "$own" -o peers.txt
