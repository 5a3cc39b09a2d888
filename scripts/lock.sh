#!/usr/bin/env bash
# Resolve pyproject.toml into requirements.lock: one file with hashes for every Python and system. Arguments go to uv.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${UV:-uv}" pip compile pyproject.toml --extra site --extra test --extra setup --extra compiler \
  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --quiet \
  --custom-compile-command "scripts/lock.sh" --output-file requirements.lock "$@"
