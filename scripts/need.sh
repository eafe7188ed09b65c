#!/bin/sh
# need.sh TOOL...: say which of the tools are missing, in one line each, and fail if any is. "a|b" means either.
set -u
missing=0
for tools in "$@"; do
  found=0
  for tool in $(printf '%s' "$tools" | tr '|' ' '); do
    if command -v "$tool" >/dev/null 2>&1; then found=1; fi
  done
  if [ "$found" = 0 ]; then
    echo "this needs $(printf '%s' "$tools" | sed 's/|/ or /g'), which is not on PATH: install it and try again" >&2
    missing=1
  fi
done
exit "$missing"
