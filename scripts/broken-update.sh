#!/usr/bin/env bash
# Update the Flask service to a health check that cannot pass, and see that Swarm rolls it back.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/engine.sh
. scripts/swarm.sh

find_engine
find_swarm
service=${STACK}_flask
require_service "$service"
broken='wget --spider http://localhost:WRONG-PORT || exit 1'
say "+ docker service update --health-cmd=\"$broken\" $service"
docker service update --detach=false --health-cmd="$broken" "$service" || true

state=$(docker service inspect --format '{{with .UpdateStatus}}{{.State}}{{end}}' "$service")
[[ $state == rollback_completed ]] || fail "expected a rollback, but the update is: ${state:-not there}" "docker service ps --no-trunc $service"
echo "rolled back, as it should: the tasks that served before still serve"
