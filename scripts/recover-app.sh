#!/bin/sh
# Take back every fault of the app that answers.
set -u
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

ASKED=/admin/recover
SIDE="admin" # a frozen app answers nowhere else

usage() {
  cat <<TEXT
usage: recover-app.sh [URL] [options]
Take back the faults of one pod behind URL (default $URL): whichever the Service picks. A pod that is out of
its Service, or frozen, is reached by its name alone, through its admin port: give --pod.
TEXT
  options
  echo "Exit 0 when the faults were taken back, 1 when nobody answered, 2 on bad input."
}

parse "$@"
if answer=$(ask POST "$ASKED"); then
  echo "$answer"
else
  echo "Failed: no answer from $(address "$ASKED")" >&2
  exit 1
fi
