#!/bin/sh
# install.sh PYTHON LOCK... [. | WHEEL]: install what requirements/LOCK.txt pin into PYTHON's environment, and crashy
# itself: with "." editable, or from a wheel. pip resolves nothing (--no-deps), builds nothing of others' (--only-binary) and takes only files whose
# hash is in the lock: a release that came out after the lock can't be looked at. What pip says goes to build/install.log.
set -eu
cd "$(dirname "$0")/.."
python=${1:?usage: scripts/install.sh PYTHON LOCK... [.]}
shift
log=build/install.log
{ mkdir -p build && touch "$log"; } 2>/dev/null || {
  echo "could not write $log: a folder of that name, which this user may write, is needed" >&2
  exit 1
}
start=$({ cat "$log" 2>/dev/null || true; } | wc -l)

fail() { # WHAT
  said=$(tail -n "+$((start + 1))" "$log")
  error=$(printf '%s\n' "$said" | grep -v '^ERROR: Exception:$' | grep -E '^ *(ERROR|.*error|.*Error): |No module named pip' | head -n 1 | cut -c1-300)
  case $said in
  *'No space left'*) try="free some disk space, then again" ;;
  *'DO NOT MATCH THE HASHES'*) try="your index serves another file than the lock names: compare it with a second index" ;;
  *NewConnectionError* | *ConnectTimeout* | *'onnection broken'* | *'timed out'* | *ProxyError* | *SSLError*)
    try="check the network, the proxy and pip's index (pip config list), then again" ;;
  *'No module named pip'*) try="the environment was left half made: make clean, then again" ;;
  *'Configuration file could not be loaded'*) try="mend that file, or for this once: PIP_CONFIG_FILE=/dev/null" ;;
  *'(from versions: none)'*)
    try="check the network and pip's index (pip config list), which offers nothing of that name to this platform, then again" ;;
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
run "run pip" pip --version
elsewhere=$(pip config list 2>/dev/null | sed -n 's/^\(global\|install\)\.\(target\|prefix\|root\|python\|editable\|requirement\|dry-run\)=.*/\1.\2/p' | head -n 1)
if [ -n "$elsewhere" ]; then
  echo "could not install: pip's configuration sets $elsewhere, which leads installs astray; try: pip config unset $elsewhere (pip config debug names the file)" >&2
  exit 1
fi
for lock in "$@"; do
  case $lock in
  .) run "install crashy itself" pip install --no-deps --no-build-isolation -e . ;;
  *.whl) run "install $lock" pip install --no-deps "$lock" ;;
  *) run "install requirements/$lock.txt" pip install --no-deps --only-binary :all: --require-hashes -r "requirements/$lock.txt" ;;
  esac
done
run "install a complete set (pip check)" pip check
