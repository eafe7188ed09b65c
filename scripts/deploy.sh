#!/bin/sh
# deploy.sh NAME: apply one folder of manifests/ (webapp, crashy-app, …, or a lesson) to kubectl's current cluster.
set -u
cd "$(dirname "$0")/.." || exit

names() {
  for folder in manifests/*/ manifests/lessons/*/; do
    case $folder in manifests/lessons/) ;; *) basename "$folder" ;; esac
  done
}

name=${1:-}
folder=manifests/$name
[ -d "$folder" ] || folder=manifests/lessons/$name
case $name in
  '' | lessons | . | *..* | */*)
    echo "deploy.sh: name a folder of manifests/, as in make lab NAME=webapp. There are:" >&2
    names | sed 's/^/  /' >&2
    exit 2 ;;
esac
if [ ! -d "$folder" ]; then
  echo "deploy.sh: '$name': no such lab or lesson; make lab lists them" >&2
  exit 2
fi
scripts/need.sh kubectl || exit
if ! version=$(kubectl --request-timeout=10s get --raw /version 2>&1); then
  echo "deploy.sh: kubectl reaches no cluster: $(echo "$version" | tail -n 1); make kind-up makes one" >&2
  exit 1
fi
how=-f
[ ! -e "$folder/kustomization.yaml" ] || how=-k
set -- apply "$how" "$folder"
minor=$(echo "$version" | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p')
if [ "${minor:-99}" -lt 25 ]; then
  echo "This cluster is Kubernetes 1.$minor and does not know a probe's terminationGracePeriodSeconds: it will ignore it."
  set -- "$@" --validate=false
fi
echo "kubectl $*"
kubectl "$@" || exit
grep -h '^#' "$folder/kustomization.yaml" 2>/dev/null
echo "See it: kubectl get pods -w    Take it away: kubectl delete $how $folder"
