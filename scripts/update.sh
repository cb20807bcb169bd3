#!/usr/bin/env bash
# Replace every Flask container by a new one, two at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/engine.sh
. scripts/swarm.sh

find_engine
find_swarm
require_service "${STACK}_flask"
say "+ docker service update --force ${STACK}_flask"
docker service update --detach=false --force "${STACK}_flask"
