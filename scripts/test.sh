#!/usr/bin/env bash
# The same set-up as the build, then lint, types and every test, the browser's included. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --compiler
bin=.venv/bin
[ -d .venv/Scripts ] && bin=.venv/Scripts
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
exec "$bin/python" -m pytest "$@"
