# What the scripts of the examples have in common. A server is to be at $STET.
set -euo pipefail
cd "$(dirname "$0")"

STET=${STET:-http://127.0.0.1:7839}
# A server without keys ignores it.
J17_API_KEY=${J17_API_KEY:-none}

say() { printf '\n# %s\n' "$*"; }

curl() { command curl --silent --show-error --globoff -H "Authorization: Bearer $J17_API_KEY" "$@"; }

# post PATH BODY [HEADER]
post() { curl -H 'Content-Type: application/json' ${3:+-H "$3"} -d "$2" "$STET$1"; }

# upload FILE makes it the specification in force.
upload() { curl -H 'Content-Type: application/json' --data-binary "@$1" "$STET/_/spec"; }
