#!/bin/sh
# containers.sh: print which of docker and podman is here and answers; say what to do where neither does.
set -u
for tool in docker podman; do
  if "$tool" version >/dev/null 2>&1; then
    echo "$tool"
    exit
  fi
done
if command -v docker >/dev/null 2>&1; then
  echo "docker is here, but its daemon does not answer: start it, or install podman" >&2
else
  echo "this needs docker or podman, which is not on PATH: install it and try again" >&2
fi
exit 1
