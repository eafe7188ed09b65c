#!/bin/sh
# Crash the app that answers: it says Mayday, then its process exits.
set -u
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

ASKED=/crash

usage() {
  cat <<TEXT
usage: crash-app.sh [URL] [options]
Crash one pod behind URL (default $URL): whichever the Service picks.
TEXT
  options
  echo "Exit 0 when the app has said its last words, 1 when nobody answered, 2 on bad input."
}

parse "$@"
if answer=$(ask GET "$ASKED"); then
  echo "$answer"
else
  echo "Failed: no answer from $(address "$ASKED")" >&2
  exit 1
fi
