#!/bin/sh
# Freeze the app that answers: neither this request nor any later one is answered, until it is thawed or restarted.
set -u
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

ASKED=/freeze

usage() {
  cat <<TEXT
usage: freeze-app.sh [URL] [options]
Freeze one pod behind URL (default $URL): whichever the Service picks.
TEXT
  options
  echo "Exit 0 when the request was taken and not answered, 1 when nobody is there or the app said no, 2 on bad input."
}

parse "$@"
if ! ask GET /hostname >/dev/null; then
  echo "Failed: no answer from $(address "")" >&2
  exit 1
fi
TIMEOUT=1
ask GET "$ASKED"
case $? in
  0 | 6 | 8 | 22)
    echo "Failed: $(address "$ASKED") answered instead of freezing" >&2
    exit 1 ;;
esac
echo "Frozen: $(address "$ASKED") does not answer"
