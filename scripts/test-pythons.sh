#!/bin/sh
# test-pythons.sh [PYTHON...]: on each Python (without any: on every one from 3.11 to 3.14 that this machine has) make an
# environment, run the tests that need no real time, and the demo beside them. What they print goes to build/pythons.
set -eu
cd "$(dirname "$0")/.."
if [ $# = 0 ]; then
  found=$(.venv/bin/python -m tests.pythons) || { echo "test-pythons.sh: run make test-pythons, which makes .venv" >&2 && exit 2; }
  # shellcheck disable=SC2086 # a path a line, none with a space
  set -- $found
fi
[ $# -gt 0 ] || { echo "test-pythons.sh: no Python from 3.11 to 3.14 is on this machine" >&2 && exit 2; }
failed=0
for python in "$@"; do
  name=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3] + "-debian" * (sys.base_prefix == "/usr"))')
  folder=build/pythons/$name
  mkdir -p "$folder"
  make --no-print-directory PYTHON="$python" VENV="$folder/venv" "$folder/venv/.dev"
  make --no-print-directory PYTHON="$python" VENV="$folder/venv" demo >"$folder/demo.txt" 2>&1 &
  demo=$!
  result=passed
  # shellcheck disable=SC2086 # flags, apart
  env -u KUBECONFIG "$folder/venv/bin/python" -m pytest -n 2 -m 'not slow and not trace_lab and not workload_lab and not kube and not locks' \
    ${PYTEST_FLAGS:-} >"$folder/tests.txt" 2>&1 || result="FAILED, see $folder/tests.txt"
  # Two pods of three are well at any time: most users are answered, or something is wrong with this Python.
  wait "$demo" && grep -q '^users: .* 9[0-9]\.[0-9]* % answered' "$folder/demo.txt" ||
    result="$result; the demo FAILED, see $folder/demo.txt"
  case $result in *FAILED*) failed=1 ;; esac
  echo "Python $name: $(tail -n 1 "$folder/tests.txt"); demo: $(grep '^users:' "$folder/demo.txt" || echo no users); $result"
done
exit "$failed"
