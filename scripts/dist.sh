#!/bin/sh
# dist.sh: build the sdist and the wheel into dist/, twice, to see that both times give the same bytes; check both; then
# install the wheel into an empty environment and use it there as somebody without a clone does. The tools come from
# requirements/dist.txt, into an environment of their own. SOURCE_DATE_EPOCH: by default, the time of the last commit.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
scripts/need-python.sh "$python"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1577836800)}
export SOURCE_DATE_EPOCH
work=$PWD/build/dist
tool=$work/tool
empty=$(mktemp -d)
trap 'rm -rf "$empty" "$work"' EXIT
trap 'exit 130' INT # dash ends without EXIT's trap otherwise
trap 'exit 143' TERM HUP
fail() {
  echo "dist: $*" >&2
  exit 1
}

[ -z "$(git status --porcelain 2>/dev/null)" ] || echo "dist: note: built with changes that are not committed" >&2
rm -rf "$work"
"$python" -m venv "$tool"
scripts/install.sh "$tool/bin/python" dist
build() { "$tool/bin/python" -m build --no-isolation "$@" >>build/install.log 2>&1 || fail "build $*: see build/install.log"; }
build --sdist --wheel --outdir "$work/new" .
build --outdir "$work/again" . # the wheel of the sdist
for file in "$work"/again/*; do
  cmp "$file" "$work/new/${file##*/}" || fail "${file##*/}: the second build gave other bytes, or the sdist another wheel"
done
"$tool/bin/twine" check --strict "$work"/new/*
"$tool/bin/check-wheel-contents" "$work"/new/*.whl
rm -rf dist
mv "$work/new" dist
wheel=$(echo dist/*.whl)
echo "built $wheel and $(echo dist/*.tar.gz), the same bytes twice"

"$python" -m venv "$empty/base"
"$python" -m venv "$empty/lab"
wheel=$PWD/$wheel
scripts/install.sh "$empty/base/bin/python" base "$wheel"
scripts/install.sh "$empty/lab/bin/python" lab "$wheel"
cd "$empty"
say="pipx run --spec 'crashy[lab]' crashy demo"
code=0
output=$(base/bin/crashy demo 2>&1) || code=$?
case "$code $output" in 2\ *"$say"*) ;; *) fail "without the laboratory, crashy demo exits $code and says: $output" ;; esac
lab/bin/crashy experiments >experiments.txt
grep -q '^07-freeze-with-both ' experiments.txt || fail "crashy experiments does not list 07-freeze-with-both"
lab/bin/crashy run --on sim --quiet 07-freeze-with-both
lab/bin/crashy check manifests/crashy-app >/dev/null
lab/bin/python -c 'from crashy import load_experiment; assert load_experiment("06-freeze-with-readiness-only").run().passed'
lab/bin/crashy demo
echo "the wheel works in an empty environment"
