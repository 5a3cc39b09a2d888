#!/usr/bin/env bash
# Make .venv from the pinned lock, and find or get a Chromium. Called by the other scripts; fast when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."

# 1. A Python that is new enough.
python=""
for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3.14 python3 python; do
  if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "setup: there is no Python 3.11 or newer here; install one, or name it: PYTHON=/path/to/python $0" >&2
  exit 1
fi

# 2. The environment, as the lock says. The stamp is written last, so an interrupted install is made again.
bin=.venv/bin
[ -d .venv/Scripts ] && bin=.venv/Scripts
stamp=.venv/.attnsite-lock
wanted=$("$python" -c 'import hashlib, pathlib, sys
print(sys.version_info[:2], hashlib.sha256(b"".join(pathlib.Path(f).read_bytes() for f in sys.argv[1:])).hexdigest())' \
  requirements.lock pyproject.toml)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
  echo "setup: installing the locked packages into .venv (about a minute the first time)"
  "$python" -m venv --clear .venv
  [ -d .venv/Scripts ] && bin=.venv/Scripts
  # uv installs several times faster than pip; where it is not to be had, pip installs the same lock.
  grep -A40 '^uv==' requirements.lock | awk 'NR==1 || /--hash/ {print} NR>1 && !/--hash/ {exit}' >.venv/uv.lock
  if "$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock 2>/dev/null; then
    "$bin/uv" pip install --quiet --python "$bin/python" --require-hashes -r requirements.lock
    "$bin/uv" pip install --quiet --python "$bin/python" --no-deps --no-build-isolation -e .
  else
    "$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    "$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  fi
  echo "$wanted" >"$stamp"
fi

# 3. A Chromium draws the static pictures and runs the browser tests. Without one the site builds all the same.
for browser in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
  if [ -n "$browser" ] && command -v "$browser" >/dev/null 2>&1; then exit 0; fi
done
[ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "setup: getting a Chromium from the system's packages"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core; } >/dev/null 2>&1 ||
    echo "setup: no Chromium could be installed; figures will be drawn in the reader's browser only" >&2
else
  echo "setup: no Chromium found; figures will be drawn in the reader's browser only (install chromium to have pictures)" >&2
fi
