#!/usr/bin/env bash
# Build both images, deploy docker-stack.yml, wait until all is healthy, print the address.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/engine.sh
. scripts/swarm.sh

# door_image: the one that the door runs already, unless DOOR=new: replacing it takes seconds without answers.
door_image() {
	local image=''
	[[ ${DOOR:-} == new ]] ||
		image=$(docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "${STACK}_door" 2>/dev/null) || image=''
	echo "${image:-$FAIRLEAD_IMAGE}"
}

find_engine
start_swarm
find_swarm
require_own_stack
scripts/port.sh "$(engine_is_here && echo yes || echo no)"

images=$(scripts/build.sh)
while read -r variable; do export "${variable?}"; done <<<"$images"
DOOR_IMAGE=$(door_image)
export DOOR_IMAGE
OPTIONS_HASH=$({ sha256sum 2>/dev/null || shasum -a 256; } <configs/fairlead.yml | cut -c 1-12)
export OPTIONS_HASH

files=(--compose-file docker-stack.yml)
if ((nodes > 1)) && [[ -z ${REGISTRY:-} ]]; then
	say "nodes:  without REGISTRY only this node has the images, so everything is pinned to $(docker info --format '{{.Name}}')"
	files+=(--compose-file "$(scripts/pin.sh)")
fi

say "stack:  deploying $STACK"
docker stack deploy "${files[@]}" --resolve-image never --with-registry-auth "$STACK" >&2
scripts/wait.sh
scripts/old-configs.sh

host=localhost
engine_is_here || host=$(docker node inspect self --format '{{.Status.Addr}}')
echo "http://$host$( ((PORT == 80)) || echo ":$PORT")/"
