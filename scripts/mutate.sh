#!/bin/sh
# Change the kubelet library one constant or comparison at a time, and see whether a test notices: mutate.sh [GROUP...]
# A group is worker, backoff or spec (with all that reading a manifest needs); each takes some minutes. Works on a
# copy of what is committed, with cosmic-ray in a venv of its own. Prints the survivors and the share that was killed.
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
work=${MUTATE_DIR:-build/mutate}
mkdir -p "$work"
work=$(cd "$work" && pwd)
[ -x "$work/venv/bin/cosmic-ray" ] || {
  "$python" -m venv "$work/venv"
  "$work/venv/bin/pip" --quiet --disable-pip-version-check install 'cosmic-ray>=8.4,<9'
}
PATH=$work/venv/bin:$PATH
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 # a run takes 0.6 s then, and 2.8 s with all that a full run needs

mutate() { # GROUP MODULES TESTS
  copy=$work/$1
  rm -rf "$copy"
  mkdir "$copy"
  git archive HEAD | tar -xf - -C "$copy"
  # shellcheck disable=SC2086 # the words and the globs are meant to be split and expanded
  modules=$(printf '"crashy/%s.py", ' $2) tests=$(cd "$copy" && printf '%s ' $3 tests/test_values.py)
  # Annotations are never evaluated: another operator than "|" in one is no mutant, and the two tables that are joined
  # with "|" are read all the same.
  cat >"$copy/mutate.toml" <<TOML
[cosmic-ray]
module-path = [$modules]
timeout = 30.0
test-command = "$python -m pytest -c /dev/null --rootdir . -x -q -p no:cacheprovider $tests"
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]
TOML
  cat >"$copy/conftest.py" <<PYTHON
from hypothesis import settings
settings.register_profile("mutate", deadline=None, derandomize=True, database=None)
settings.load_profile("mutate")
PYTHON
  cd "$copy"
  cosmic-ray baseline mutate.toml
  cosmic-ray init mutate.toml "$1.sqlite"
  cr-filter-operators "$1.sqlite" mutate.toml
  cosmic-ray exec mutate.toml "$1.sqlite"
  cr-report --surviving-only --show-diff "$1.sqlite"
  # cr-rate counts what the filter left out as killed; this does not
  "$python" - "$1" <<'PYTHON'
import sqlite3, sys
query = "select test_outcome, count(*) from work_results where worker_outcome != 'SKIPPED' group by 1"
counts = dict(sqlite3.connect(f"{sys.argv[1]}.sqlite").execute(query))
total = sum(counts.values())
killed = total - counts.get("SURVIVED", 0)
print(f"{sys.argv[1]}: {killed} of {total} mutants killed ({killed / total:.1%})")
PYTHON
}

for group in "${@:-worker backoff spec}"; do
  for name in $group; do
    case $name in
      worker) (mutate worker 'kubelet/worker kubelet/outcome' 'tests/kubelet/test_worker_*.py tests/kubelet/test_outcome.py') ;;
      backoff) (mutate backoff kubelet/backoff 'tests/kubelet/test_backoff*.py') ;;
      spec)
        modules='objects/pod objects/defaults objects/validation objects/fields objects/names objects/quantity objects/schema'
        (mutate spec "$modules" 'tests/objects/test_pod.py tests/objects/test_schema.py tests/objects/test_validation*.py tests/objects/test_quantity.py')
        ;;
      *) echo "mutate.sh: $name: must be worker, backoff or spec" >&2 && exit 2 ;;
    esac
  done
done
