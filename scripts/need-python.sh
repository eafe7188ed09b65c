#!/bin/sh
# need-python.sh PYTHON: fail with a line unless PYTHON is one that crashy runs on.
python=${1:?usage: scripts/need-python.sh PYTHON}
command -v "$python" >/dev/null || said="there is no $python"
[ -n "${said:-}" ] || "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  said="$python is $("$python" --version 2>&1 | head -n 1)"
[ -z "${said:-}" ] && exit
echo "crashy needs Python 3.11 or newer; $said: make PYTHON=python3.12 …" >&2
exit 1
