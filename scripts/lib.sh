# shellcheck shell=sh
# What the four scripts share: options, how to ask a URL, how to reach one pod. Sourced, not run.

URL=http://127.0.0.1:30080
POD=
NAMESPACE=default
TOKEN=${ADMIN_TOKEN:-}
TIMEOUT=2
SIDE="app" # which of a pod's ports --pod asks: app or admin

die() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}

# A script that takes more options redefines this; it says no to what it does not know.
own_option() {
  false
}

# The same for options without a value.
own_flag() {
  false
}

# The options of all of them, which usage texts share.
options() {
  cat <<TEXT
  --path PATH       ask this path (default $ASKED)
  --pod NAME        ask this pod instead of URL: of a running lab, or of kubectl's current cluster
  --namespace NS    the pod's namespace in the cluster (default $NAMESPACE)
  --token TOKEN     the patient's ADMIN_TOKEN, where it has one (default: the variable ADMIN_TOKEN)
TEXT
}

parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --path | --pod | --namespace | --token)
        [ $# -ge 2 ] || die "$1: needs a value"
        case $1 in
          --path) case $2 in /*) ASKED=$2 ;; *) die "--path: '$2': must begin with /" ;; esac ;;
          --pod) POD=$2 ;;
          --namespace) NAMESPACE=$2 ;;
          --token) TOKEN=$2 ;;
        esac
        shift ;;
      -*)
        if own_flag "$1"; then shift && continue; fi
        [ $# -ge 2 ] || die "$1: unknown, or needs a value (--help lists the options)"
        own_option "$1" "$2" || die "$1: unknown option (--help lists them)"
        shift ;;
      http://*) URL=${1%/} ;;
      *) die "$1: must be a URL such as http://127.0.0.1:30080, or an option (--help lists them)" ;;
    esac
    shift
  done
  if [ -n "$POD" ]; then find_pod; fi
}

# The address of a request, in the user's words: the pod by its name, else the URL with a path.
address() {
  if [ -n "$POD" ]; then echo "$POD"; else echo "$URL$1"; fi
}

# A pod is looked for in the running labs of this machine first, then in kubectl's current cluster.
find_pod() {
  crashy=$(dirname "$0")/../.venv/bin/crashy
  [ -x "$crashy" ] || crashy=crashy
  if found=$("$crashy" status --pod "$POD" --where "$SIDE" 2>/dev/null); then
    URL=$found
  elif command -v kubectl >/dev/null 2>&1 && kubectl --request-timeout=5s get pod "$POD" -n "$NAMESPACE" >/dev/null 2>&1; then
    case $SIDE in app) port=8080 ;; *) port=8081 ;; esac
    URL=kubectl:/api/v1/namespaces/$NAMESPACE/pods/$POD:$port/proxy
  else
    die "--pod: '$POD' is in no running lab and not in namespace $NAMESPACE of kubectl's cluster"
  fi
}

# ask METHOD PATH [JSON]: print the body; fails where no answer below 400 comes within TIMEOUT seconds. What it fails with
# is the tool's: curl's 22 and wget's 6 and 8 mean that an answer came, and was an error.
ask() {
  case $URL in
    kubectl:*)
      case $1 in
        GET) kubectl --request-timeout="${TIMEOUT}s" get --raw "${URL#kubectl:}$2" 2>/dev/null ;;
        *) echo "${3:-{\}}" | kubectl --request-timeout="${TIMEOUT}s" create --raw "${URL#kubectl:}$2" -f - 2>/dev/null ;;
      esac ;;
    *)
      if command -v curl >/dev/null 2>&1; then
        set -- "$1" "$2" "${3:-}" -fsS -m "$TIMEOUT" -X "$1"
        [ -z "$TOKEN" ] || set -- "$@" -H "Authorization: Bearer $TOKEN"
        [ -z "$3" ] || set -- "$@" -H "Content-Type: application/json" -d "$3"
        path=$2
        shift 3
        curl "$@" "$URL$path" 2>/dev/null
      elif command -v wget >/dev/null 2>&1; then
        set -- "$1" "$2" "${3:-}" -q -O- -T "$TIMEOUT"
        [ -z "$TOKEN" ] || set -- "$@" --header "Authorization: Bearer $TOKEN"
        [ -z "$3" ] || set -- "$@" --header "Content-Type: application/json"
        [ "$1" = GET ] || set -- "$@" --post-data "$3"
        path=$2
        shift 3
        wget "$@" "$URL$path" 2>/dev/null
      else
        die "this needs curl or wget, and neither is on PATH: install one and try again"
      fi ;;
  esac
}
