# shellcheck shell=bash
# Sourced after engine.sh: the Swarm that the engine belongs to. Nothing here ever leaves one.

# find_swarm: set nodes; the engine manages a Swarm that works, and the user agreed that it may be changed.
find_swarm() {
	local state manager error
	IFS='|' read -r state manager error < <(docker info --format '{{.Swarm.LocalNodeState}}|{{.Swarm.ControlAvailable}}|{{.Swarm.Error}}')
	case $state/$manager in
	active/true) ;;
	active/*)
		fail 'this engine is a worker of its Swarm, and only managers take orders' \
			"managers: $(docker info --format '{{range .Swarm.RemoteManagers}}{{.Addr}} {{end}}')" \
			'run this on one of them, or choose it: docker context use NAME'
		;;
	inactive/*) fail 'this engine is in no Swarm' 'make deploy starts one' ;;
	locked/*) fail "this engine's Swarm is locked" 'unlock it with its key: docker swarm unlock' ;;
	pending/*) fail "this engine is still joining its Swarm${error:+: $error}" 'wait, then look again: docker info' ;;
	*) fail "this engine's Swarm does not work (state $state)${error:+: $error}" "the reason is in the engine's log, e.g.: journalctl -u docker" ;;
	esac
	nodes=$(docker node ls -q 2>&1) || fail "this engine's Swarm does not work: ${nodes##*$'\n'}" \
		'a Swarm needs more than half of its managers: see docker info' "the reason is in the engine's log, e.g.: journalctl -u docker"
	nodes=$(wc -l <<<"$nodes")
	say "swarm:  $nodes node$( ((nodes == 1)) || echo s)"
	consent "$nodes"
}

# start_swarm: start a Swarm if the engine is in none. It listens on loopback alone: nobody can join it.
start_swarm() {
	[[ $(docker info --format '{{.Swarm.LocalNodeState}}') == inactive ]] || return 0
	consent 1
	say 'swarm:  none yet, starting one: docker swarm init --advertise-addr 127.0.0.1'
	local answer
	answer=$(docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377 2>&1) ||
		fail "no Swarm could be started: ${answer##*$'\n'}" 'ports 2377 and 7946 must be free: ss -ltnp'
}
