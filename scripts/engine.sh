# shellcheck shell=bash
# Sourced after lib.sh: which Docker engine is meant, whether it can be used, and whether it may be changed.

# find_engine: set endpoint, or end with what is wrong; tell the user which engine it is.
find_engine() {
	command -v docker >/dev/null || fail 'the docker command is not installed' \
		'install Docker; on Debian or Ubuntu: sudo apt-get install docker.io'
	local context answer name os security
	read -r context endpoint < <(docker context inspect --format '{{.Name}} {{.Endpoints.docker.Host}}') ||
		fail 'the docker command has no context to work with' 'see: docker context ls'
	if ! answer=$(docker version --format '{{.Server.Version}}' 2>&1); then
		no_engine "$answer"
	fi
	IFS='|' read -r name os security < <(docker info --format '{{.Name}}|{{.OSType}}|{{.SecurityOptions}}')
	say "engine: Docker ${answer##*$'\n'} on $name (context $context, $endpoint)"
	[[ $os == linux ]] || fail "this engine runs $os containers" 'switch it to Linux containers'
	[[ $security != *name=rootless* ]] || fail 'this engine is rootless: it has no overlay networks and cannot publish ports of the host' \
		'use the engine of the whole machine, e.g.: docker context use default'
}

# no_engine ANSWER: name why no engine answered.
no_engine() {
	case $1 in
	*'permission denied'*)
		fail "no permission to use the Docker engine at $endpoint" \
			"join its group: sudo usermod -aG docker ${USER:-$(id -un)}, then log in again; or run this as root"
		;;
	*)
		fail "no Docker engine answers at $endpoint" "${1##*$'\n'}" \
			'start it, e.g.: sudo systemctl start docker; or choose another: docker context ls'
		;;
	esac
}

# engine_is_here: the engine is reached by a socket of this machine, not over a network.
engine_is_here() { [[ $endpoint == unix://* || $endpoint == npipe://* ]]; }

# consent NODES: what others may be using is changed only with YES=1.
consent() {
	local what=()
	engine_is_here || what+=("the engine at $endpoint is on another machine")
	(($1 <= 1)) || what+=("its Swarm has $1 nodes, so it is more than a trial on this machine")
	((${#what[@]} == 0)) || [[ ${YES:-} == 1 ]] ||
		fail "${what[0]}${what[1]:+, and ${what[1]}}" 'if you mean it, say so: put YES=1 before the command'
}
