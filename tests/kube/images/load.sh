#!/bin/sh
# load.sh LOAD BASE [FLAG...]: build the images that the tests need and load each by `LOAD IMAGE`. BASE is a Debian image
# for Redis, FLAGs are for `buildah build`. crashy-app:1.0.0 must be built already.
set -eu
cd "$(dirname "$0")/../../.."
load=$1
base=$2
shift 2
library=docker.io/library
buildah build --quiet "$@" --build-arg BASE="$base" -t $library/redis-tini:1.0.0 manifests/redis >/dev/null
for name in event-simulator apache2-custom; do
  buildah build --quiet "$@" --target $name -t $library/$name:1.0.0 -f tests/kube/images/Containerfile tests/kube/images >/dev/null
done
for name in crashy-app redis-tini event-simulator apache2-custom; do
  "$load" $library/$name:1.0.0
done
