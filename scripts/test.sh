#!/usr/bin/env bash
# The same set-up as the build, then lint, types and every test, the browser's included. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --tests
bin=.venv/bin
[ -d .venv/Scripts ] && bin=.venv/Scripts
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
# The whole suite runs a file of tests on each core and one more, since much of it waits for a browser or a compiler.
# Files come in the order of tests/conftest.py, the longest first, and not in that of how many tests they have.
[ $# -gt 0 ] || set -- --numprocesses "$("$bin/python" -c 'import os; print(min(4, (os.cpu_count() or 2) + 1))')" \
  --dist loadfile --no-loadscope-reorder
exec "$bin/python" -m pytest "$@"
