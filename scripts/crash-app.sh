#!/bin/sh
# Crash the app that answers: it says Mayday, then its process exits. Or crash all pods that its PEERS lead to.
set -u
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

ASKED=/crash
ALL=
KEEP_READY=0

own_flag() {
  [ "$1" = --all ] && ALL=yes
}

own_option() {
  [ "$1" = --keep-ready ] || return 1
  case $2 in
    '' | *[!0-9]*) die "--keep-ready: '$2': must be a whole number of pods" ;;
  esac
  KEEP_READY=$2
}

usage() {
  cat <<TEXT
usage: crash-app.sh [URL] [options]
Crash one pod behind URL (default $URL): whichever the Service picks.
  --all             crash all the pods that its PEERS lead to, by POST /admin/fleet
  --keep-ready N    with --all: spare so many that N stay ready (default $KEEP_READY)
TEXT
  options
  echo "Exit 0 when the app has said its last words, 1 when nobody answered, 2 on bad input. With --all: 0 when every pod"
  echo "has crashed or was spared, 1 when one has failed or nobody answered."
}

parse "$@"
if [ -n "$ALL" ]; then
  ASKED=/admin/fleet
  TIMEOUT=20
  if answer=$(ask POST "$ASKED" "{\"spec\": \"crash\", \"keep_ready\": $KEEP_READY}"); then
    echo "$answer"
    case $answer in *'"status": "failed"'*) exit 1 ;; esac
  else
    echo "Failed: $(address "$ASKED") has no fleet (are its PEERS set?), refused, or did not answer" >&2
    exit 1
  fi
  exit 0
fi
if answer=$(ask GET "$ASKED"); then
  echo "$answer"
else
  echo "Failed: no answer from $(address "$ASKED")" >&2
  exit 1
fi
