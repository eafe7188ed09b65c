#!/bin/sh
# Ask a web app again and again: a line for each answer (… OK) or failure (Failed), a blank line after each.
set -u
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

COUNT=20
INTERVAL=0
ASKED=/ready

usage() {
  cat <<TEXT
usage: curl-test.sh [URL] [options]
Ask URL (default $URL) again and again; each request may take $TIMEOUT seconds.
  --count N         ask so many times (default $COUNT)
  --interval S      wait so many seconds between two requests (default $INTERVAL)
  --timeout S       how long a request may take, in whole seconds (default $TIMEOUT)
TEXT
  options
  echo "Exit 0 when every request was answered, 1 when one failed, 2 on bad input."
}

own_option() {
  case $1 in
    --count) case $2 in '' | *[!0-9]* | 0*) die "--count: '$2': must be a whole number from 1" ;; esac && COUNT=$2 ;;
    --timeout) case $2 in '' | *[!0-9]* | 0*) die "--timeout: '$2': must be a whole number of seconds from 1" ;; esac && TIMEOUT=$2 ;;
    --interval) case $2 in '' | *[!0-9.]* | *.*.* | .) die "--interval: '$2': must be a number of seconds" ;; esac && INTERVAL=$2 ;;
    *) return 1 ;;
  esac
}

parse "$@"
failed=0
i=0
while [ "$i" -lt "$COUNT" ]; do
  if answer=$(ask GET "$ASKED"); then
    echo "$answer OK"
  else
    echo "Failed"
    failed=1
  fi
  echo ""
  i=$((i + 1))
  if [ "$INTERVAL" != 0 ] && [ "$i" -lt "$COUNT" ]; then sleep "$INTERVAL"; fi
done
exit "$failed"
