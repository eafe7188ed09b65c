#!/bin/sh
# install.sh PYTHON LOCK... [. | WHEEL]: install what requirements/LOCK.txt pin into PYTHON's environment, and crashy
# itself: with "." editable, or from a wheel. pip resolves nothing (--no-deps), builds nothing of others' (--only-binary) and takes only files whose
# hash is in the lock: a release that came out after the lock can't be looked at. What pip says goes to build/install.log.
set -eu
cd "$(dirname "$0")/.."
python=${1:?usage: scripts/install.sh PYTHON LOCK... [.]}
shift
log=build/install.log
mkdir -p build
start=$({ cat "$log" 2>/dev/null || true; } | wc -l)

fail() { # WHAT
  said=$(tail -n "+$((start + 1))" "$log")
  error=$(printf '%s\n' "$said" | grep -E '^ *(ERROR|error|OSError|.*Error):' | head -n 1 | cut -c1-300)
  case $said in
  *'No space left'*) try="free some disk space, then again" ;;
  *'DO NOT MATCH THE HASHES'*) try="your index serves another file than the lock names: compare it with a second index" ;;
  *NewConnectionError* | *ConnectTimeout* | *'onnection broken'* | *'timed out'* | *ProxyError* | *SSLError*)
    try="check the network, the proxy and pip's index (pip config list), then again" ;;
  *'No matching distribution'*)
    try="this platform, or this index, lacks that release: try another Python (make clean, then make PYTHON=python3.12 …) or index" ;;
  *) try="make clean, then again" ;;
  esac
  echo "could not $1: ${error:-pip failed}; try: $try; all of it is in $log" >&2
  exit 1
}

run() { # WHAT COMMAND...
  what=$1
  shift
  { echo "== $*" && "$@"; } >>"$log" 2>&1 || fail "$what"
}

pip() { "$python" -m pip --disable-pip-version-check --no-input "$@"; }

# What could make pip install elsewhere than into this environment, or otherwise than from the lock.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_EDITABLE PIP_REQUIREMENT PIP_REQUIRE_VIRTUALENV PIP_NO_BINARY PIP_CONSTRAINT PIP_UPGRADE PIP_PRE PIP_DRY_RUN
export PIP_USER=0
for lock in "$@"; do
  case $lock in
  .) run "install crashy itself" pip install --no-deps --no-build-isolation -e . ;;
  *.whl) run "install $lock" pip install --no-deps "$lock" ;;
  *) run "install requirements/$lock.txt" pip install --no-deps --only-binary :all: --require-hashes -r "requirements/$lock.txt" ;;
  esac
done
run "install a complete set (pip check)" pip check
