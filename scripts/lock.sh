#!/bin/sh
# Pin every dependency, with hashes, into requirements/*.txt. Needs uv.
set -eu
cd "$(dirname "$0")/.."
lock() { # FILE EXTRA...
  file=$1
  shift
  uv pip compile --quiet --no-strip-extras --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links "$@" pyproject.toml --output-file "requirements/$file.txt"
}
lock base
lock build --extra build
lock grpc --extra grpc
lock lab --extra lab
lock kube --extra kube
lock dev --extra dev --extra build
lock sbom --extra sbom
lock bench --extra bench
lock dist --extra dist --extra build
