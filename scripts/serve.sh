#!/usr/bin/env bash
# Show the site while it is being written. Arguments go to `attnsite serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
bin=.venv/bin
[ -d .venv/Scripts ] && bin=.venv/Scripts
exec "$bin/attnsite" serve "$@"
