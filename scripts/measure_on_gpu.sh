#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: check every CUDA kernel, run the experiments that time one, pack the results.
# Usage: scripts/measure_on_gpu.sh NAME   (what readers call the machine, such as h200; never a host name)
# Needs this checkout, Python 3.11 or newer with numpy, numba and numba-cuda, and no network. PYTHON names another
# Python, SECONDS_IN_ALL another limit than eight minutes. Nothing is installed. Never run on a GPU so far.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?"usage: $0 NAME"}
python=${PYTHON:-}
if [ -z "$python" ]; then
  if [ -x .venv/bin/python ]; then python=.venv/bin/python; else python=python3; fi
fi
limit=${SECONDS_IN_ALL:-480}
if ! [[ $name =~ ^[a-z][a-z0-9]*(_[a-z0-9]+)*$ ]]; then
  echo "measure_on_gpu: '$name' is not a valid machine name; use lower-case words joined by underscores, such as h200" >&2
  exit 1
fi
"$python" -c 'import sys
from attnsite.kernels.cuda import driver
here, reason = driver.available()
sys.exit(None if here else f"measure_on_gpu: nothing was measured: {reason}")'

out=dist/gpu
log=$out/$name.log
mkdir -p "$out" "docs/results/$name"
: >"$log"
say() { echo "$*" | tee -a "$log"; }
left() { echo $((limit - SECONDS)); }

{
  "$python" --version
  nvidia-smi || true
  git log -1 --format='commit %h, %cs' 2>/dev/null || true
} >>"$log" 2>&1

say "checking every CUDA kernel at full size"
checked=right
# A wrong kernel is not timed: the measurement checks each workload again and writes a row that says so.
timeout -s INT -k 10 150 "$python" -u -m attnsite.measure.gpu.check 2>&1 | tee -a "$log" || checked="NOT all right"
say "kernels: $checked (after $SECONDS s)"

failed=0
for experiment in $("$python" -m attnsite.measure.gpu.check --experiments); do
  if [ "$(left)" -lt 20 ]; then
    say "$experiment: not begun, the $limit s are over"
    failed=$((failed + 1))
    continue
  fi
  # An interrupted experiment keeps its finished rows in .cache, which travels too, and goes on when it is run again.
  if ! timeout -s INT -k 15 "$(left)" "$python" -u -m attnsite.cli measure "$experiment" \
    --device cuda --machine "$name" --full --passes 1 2>&1 | tee -a "$log"; then
    say "$experiment: failed or was stopped after $SECONDS s; going on"
    failed=$((failed + 1))
  fi
done
say "done after $SECONDS s; $failed experiments without a complete result"

parts=("docs/results/$name" "$log")
partial=$(ls -d ".cache/attnsite/partial/${name}_full_cuda" 2>/dev/null || true)
[ -n "$partial" ] && parts+=("$partial")
tar -czf "$out/$name.tar.gz" "${parts[@]}"
cat <<TEXT
The one file to take along: $out/$name.tar.gz
In a checkout of the same commit, to commit what it holds:
  tar -xzf $name.tar.gz
  git add docs/results/$name
  git commit -m "results: $name"
TEXT
[ "$failed" = 0 ] && [ "$checked" = right ]
