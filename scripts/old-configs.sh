#!/usr/bin/env bash
# Remove earlier options of the stack that neither the proxy nor its rollback needs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

needed=$(docker service inspect "${STACK}_proxy" --format \
	'{{range .Spec.TaskTemplate.ContainerSpec.Configs}}{{println .ConfigID}}{{end}}{{with .PreviousSpec}}{{range .TaskTemplate.ContainerSpec.Configs}}{{println .ConfigID}}{{end}}{{end}}')
docker config ls -q --filter "label=com.docker.stack.namespace=$STACK" --filter "label=$ours=options" |
	while read -r config; do
		grep -qxF "$config" <<<"$needed" || docker config rm "$config" >/dev/null || say "config $config stays: it is still used"
	done
