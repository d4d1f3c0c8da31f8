#!/bin/sh
# Brings every git-backed benchmark up to date, then serves Studio. A benchmark that can't be synced is told of and
# does not keep Studio from starting: what was there before stays usable, and the page shows the reason.
#
#   AGENTV_STUDIO_TOKEN  the token that opens Studio, which reads it; without it one is made up and printed with the address
#   AGENTV_ALLOW_HOST    names under which Studio is reached besides localhost, separated by blanks
#   AGENTV_STUDIO_PORT   port to listen on, default 3117
# Arguments are handed to `agentv studio`: --read-only, for one.
set -eu

agentv=${AGENTV:-agentv}

# Names hold no blanks: splitting the list is meant, globbing is not.
set -f
for name in ${AGENTV_ALLOW_HOST:-}; do set -- --allow-host "$name" "$@"; done
set +f

# The registry may be a read-only mount: sync stores its state next to it in AGENTV_HOME.
status=0
"$agentv" benchmark sync || status=$?
# Asked to stop while syncing.
if [ "$status" -ge 128 ]; then exit "$status"; fi
if [ "$status" -ne 0 ]; then
	echo "Some benchmarks could not be synced; Studio starts with what is there." >&2
fi

exec "$agentv" studio --host 0.0.0.0 --port "${AGENTV_STUDIO_PORT:-3117}" --no-open "$@"
