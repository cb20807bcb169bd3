# shellcheck shell=bash
# Sourced by the scripts beside it: what they share. Each starts in the repository's root.

STACK=${STACK:-experiment}
PORT=${PORT:-80}
export STACK PORT

# What docker-stack.yml puts on all that it makes, so that nothing else is taken for it.
readonly ours=io.github.fairlead-proxy.example

# say LINE...: tell the user, beside standard output, which is for results.
say() { printf '%s\n' "$@" >&2; }

# fail WHAT CURE...: name what is wrong and what helps, and end.
fail() {
	say "error: $1"
	shift
	(($# == 0)) || say "${@/#/       }"
	exit 1
}

# stack_services [FILTER...]: the names of the stack's services.
stack_services() {
	docker service ls --filter "label=com.docker.stack.namespace=$STACK" "$@" --format '{{.Name}}'
}

# require_own_stack: the stack of this name, if there is one, came from docker-stack.yml.
require_own_stack() {
	local all own
	all=$(stack_services | sort)
	own=$(stack_services --filter "label=$ours" | sort)
	[[ $all == "$own" ]] || fail "stack $STACK exists and was not deployed from here; it is left alone" \
		"its services: ${all//$'\n'/, }" "choose another name, e.g. STACK=fairlead"
}

# require_service NAME: the service was deployed from here.
require_service() {
	require_own_stack
	stack_services | grep -qxF "$1" || fail "there is no service $1" "deploy it first: make deploy"
}

check_variables() {
	((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || fail "bash $BASH_VERSION is too old" 'version 4.4 or later is needed; on macOS: brew install bash'
	[[ $STACK =~ ^[a-z0-9][a-z0-9_-]{0,40}$ ]] || fail "STACK=$STACK is no name for a stack" "use a-z, 0-9, - and _"
	[[ $PORT =~ ^[1-9][0-9]{0,4}$ ]] || fail "PORT=$PORT is no port" "use a number from 1 to 65535"
	((PORT < 65536)) || fail "PORT=$PORT is no port" "use a number from 1 to 65535"
}

check_variables
