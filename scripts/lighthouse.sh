#!/usr/bin/env bash
# Lighthouse over the key pages of a built site: medians of five runs, a table, and reports under .cache/attnsite/lighthouse.
# Usage: scripts/lighthouse.sh [--runs N] [SITE]   (SITE is site/ unless named; needs Node.js, npm and, once, a network)
set -euo pipefail
cd "$(dirname "$0")/.."
version=12.8.2 # the last that runs on Node 20
for program in node npm; do
  command -v "$program" >/dev/null 2>&1 || { echo "lighthouse: $program is missing: install Node.js 20 or newer" >&2 && exit 1; }
done
tool=.cache/attnsite/lighthouse/tool
if [ "$(cat "$tool/version" 2>/dev/null || true)" != "$version" ]; then
  rm -rf "$tool"
  mkdir -p "$tool"
  echo '{"private": true}' >"$tool/package.json"
  npm install --prefix "$tool" --no-audit --no-fund --no-package-lock --silent "lighthouse@$version" ||
    { echo "lighthouse: npm could not install lighthouse@$version; the first run needs a network" >&2 && exit 1; }
  echo "$version" >"$tool/version"
fi
bin=.venv/bin
[ -d .venv/Scripts ] && bin=.venv/Scripts
PYTHON=${PYTHON:-$bin/python}
exec "$PYTHON" -m tests.lighthouse --tool "$tool" "$@"
