#!/usr/bin/env bash
# Resolves the inputs to hashed locks, one set of versions for all three, without registry addresses.
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
