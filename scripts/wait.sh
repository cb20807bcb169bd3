#!/usr/bin/env bash
# Wait until every service of the stack is healthy and none is being updated: at most WAIT seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

limit=${WAIT:-180}

# unready: a line for each service that is not healthy yet, or whose update goes on. A task with a health check runs
# only once it is healthy, so counting the running ones is enough.
unready() {
	local name replicas update
	while read -r name replicas _; do
		update=$(docker service inspect --format '{{with .UpdateStatus}}{{.State}}{{end}}' "$name")
		case $update in
		rollback_completed | rollback_paused | paused) give_up "the update of $name failed ($update)" "$name" ;;
		updating | rollback_started) echo "$name $replicas ${update/_/ }" ;;
		*) [[ ${replicas%/*} == "${replicas#*/}" ]] || echo "$name $replicas" ;;
		esac
	done < <(docker stack services --format '{{.Name}} {{.Replicas}}' "$STACK")
}

# give_up WHY SERVICE...: print what the tasks of these services have to say, and end.
give_up() {
	local service
	for service in "${@:2}"; do
		say '' "docker service ps --no-trunc $service"
		docker service ps --no-trunc --format 'table {{.Name}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}' "$service" >&2 || true
		say '' "docker service logs --tail 10 $service"
		timeout 10 docker service logs --raw --tail 10 "$service" >&2 || true
	done
	say ''
	fail "$1" 'the reasons are above; after a cure: make deploy; to clean up: make remove'
}

say "wait:   until every service is healthy, at most $limit s"
steady=0 last='' # an update begins a moment after it was asked for, so one good look is not enough
while ((steady < 3)); do
	waiting=$(unready)
	[[ -n $waiting ]] && steady=0 || steady=$((steady + 1))
	[[ $waiting == "$last" || -z $waiting ]] || say "        ${waiting//$'\n'/, }"
	last=$waiting
	if ((SECONDS >= limit)); then
		mapfile -t services < <(cut -d ' ' -f 1 <<<"$waiting")
		give_up "not healthy after $limit s: ${waiting//$'\n'/, }" "${services[@]}"
	fi
	sleep 1
done
