#!/usr/bin/env bash
# From a fresh clone to site/: environment, the kernels' quick sweeps on this machine, the site. Arguments go to `attnsite build`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
bin=.venv/bin
[ -d .venv/Scripts ] && bin=.venv/Scripts
exec "$bin/attnsite" build "$@"
