#!/usr/bin/env bash
# Make .venv from the pinned lock, and find or get a Chromium. Called by the other scripts; fast when nothing changed.
# Usage: scripts/setup.sh [--tests]   (with what only the tests need: the CUDA compiler, 190 MB more, Firefox, WebKit and wasm-ld)
# Without a network: from uv's cache, where that is filled, or from a folder of wheels: WHEELS=folder scripts/setup.sh
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
where=() # bash 3.2, which macOS has, takes an empty array for an unbound name
[ -n "${WHEELS:-}" ] && where=(--no-index --find-links "$WHEELS")
by_pip() { "$bin/python" -m pip "$1" --quiet --disable-pip-version-check ${where[@]+"${where[@]}"} "${@:2}"; }
by_uv() { "$uv" pip "$1" --quiet --python "$bin/python" ${where[@]+"${where[@]}"} "${@:2}"; }
install() { # install ARGUMENTS: uv does it several times faster than pip; where it is not to be had, pip does the same
  if [ -z "$uv" ]; then
    by_pip install "$@"
  else
    by_uv install --offline "$@" 2>/dev/null || by_uv install "$@" # its cache first, which has the same hashes
  fi || {
    echo "setup: not everything could be installed; without a network this needs uv and its filled cache, or WHEELS=folder" >&2
    exit 1
  }
}
find_uv() {
  uv=""
  for candidate in "$bin/uv" "$bin/uv.exe" "$(command -v uv || true)"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then uv=$candidate && return; fi
  done
}
find_uv
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
  echo "setup: installing the locked packages into .venv (about a minute the first time)"
  "$python" -m venv --clear .venv
  [ -d .venv/Scripts ] && bin=.venv/Scripts
  part() { # part REGEX [!]: the packages of the lock whose names match, or do not, with their hashes
    awk -v match_name="^($1)==" -v want="${2:-yes}" \
      '/^[a-z0-9]/ {hit = ($0 ~ match_name); take = (want == "!") ? !hit : hit} take' requirements.lock
  }
  part uv >.venv/uv.lock
  part 'nvidia-.*' >.venv/compiler.lock
  part 'nvidia-.*|uv' '!' >.venv/all.lock
  find_uv # one of the system will do; what it installs is compared with the hashes of the lock either way
  [ -n "$uv" ] || by_pip install --require-hashes -r .venv/uv.lock 2>/dev/null || true
  find_uv
  install --require-hashes -r .venv/all.lock
  install --no-deps --no-build-isolation -e .
  echo "$wanted" >"$stamp"
fi
if [ "${1:-}" = --tests ] && [ ! -e .venv/.attnsite-compiler ]; then
  echo "setup: installing the CUDA compiler, which needs no GPU"
  install --require-hashes -r .venv/compiler.lock
  touch .venv/.attnsite-compiler
fi

# 3. A Chromium draws the static pictures and runs the browser tests. Without one the site builds all the same.
here() { # here NAME...: whether one of these programs is on this machine
  for name in "$@"; do if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then return 0; fi; done
  return 1
}
can_get() { command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; }
get() { # get PACKAGE...: from the system's packages
  echo "setup: getting $1 from the system's packages"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1
}
if ! here "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; then
  if ! can_get; then
    echo "setup: no Chromium found; figures will be drawn in the reader's browser only (install chromium to have pictures)" >&2
  elif ! get chromium fonts-dejavu-core; then
    echo "setup: no Chromium could be installed; figures will be drawn in the reader's browser only" >&2
  fi
fi

# Its half without windows opens a page for the tests in a tenth of the time; without it they take the whole.
if [ "${1:-}" = --tests ] && ! here chromium-headless-shell && can_get; then
  get chromium-headless-shell || echo "setup: no chromium-headless-shell could be installed; the tests use Chromium" >&2
fi

# 4. A Firefox opens every page too, where there is one; those tests are skipped without it.
if [ "${1:-}" = --tests ] && ! here firefox-esr firefox && can_get; then
  get firefox-esr || echo "setup: no Firefox could be installed; its tests will be skipped" >&2
fi

# 5. A WebKit as well, the engine of Safari: its driver, a screen in memory, and a library that draws without a card.
if [ "${1:-}" = --tests ] && ! { here WebKitWebDriver && here Xvfb; } && can_get; then
  get webkit2gtk-driver xvfb libgl1-mesa-dri || echo "setup: no WebKit could be installed; its tests will be skipped" >&2
fi

# 6. The linker of WebAssembly, by which kernels are compiled for browsers and compared with those that are committed.
if [ "${1:-}" = --tests ] && ! here wasm-ld wasm-ld-19 wasm-ld-18 && can_get; then
  get lld-19 || get lld-18 || echo "setup: no wasm-ld could be installed; modules are compared before they are linked" >&2
fi
