#!/usr/bin/env bash
# Remove the stack, wait until its containers and its network are gone, and remove this engine's volume of the door.
# The Swarm and the images stay.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/engine.sh
. scripts/swarm.sh

# remains: what is left of the stack on this engine, and its network in the whole Swarm.
remains() {
	local mine=(--quiet --filter "label=com.docker.stack.namespace=$STACK")
	docker service ls "${mine[@]}"
	docker ps --all "${mine[@]}"
	docker network ls "${mine[@]}"
}

find_engine
find_swarm
require_own_stack
[[ -n $(remains) ]] || { echo "there is no stack $STACK"; exit 0; }
docker stack rm "$STACK"
limit=${WAIT:-180}
say "wait:   until its containers and its network are gone, at most $limit s"
while [[ -n $(remains) ]]; do
	((SECONDS < limit)) || fail "parts of stack $STACK are still there after $limit s" \
		"see: docker ps --all --filter label=com.docker.stack.namespace=$STACK" 'and try again: make remove'
	sleep 1
done
mapfile -t volumes < <(docker volume ls --quiet --filter "label=com.docker.stack.namespace=$STACK")
((${#volumes[@]} == 0)) || docker volume rm "${volumes[@]}" >/dev/null || say "a volume stays: docker volume ls --filter label=com.docker.stack.namespace=$STACK"
echo "stack $STACK is gone; the Swarm stays"
