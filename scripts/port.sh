#!/usr/bin/env bash
# port.sh LOCAL: make sure that PORT is free or taken by our own stack; if not, say by what. LOCAL is yes if the
# engine is on this machine, so that its programs can be asked too.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

taken() {
	fail "port $PORT is taken by $1" "choose another: PORT=$((PORT == 80 ? 8080 : PORT + 1)) make deploy"
}

# published: a line for each service that publishes PORT: its stack, or -, and its name.
published() {
	local services
	mapfile -t services < <(docker service ls -q)
	((${#services[@]} == 0)) || docker service inspect "${services[@]}" --format \
		'{{$s := .}}{{range .Endpoint.Ports}}{{.PublishedPort}} {{or (index $s.Spec.Labels "com.docker.stack.namespace") "-"}} {{$s.Spec.Name}}{{"\n"}}{{end}}' |
		sed -n "s/^$PORT //p"
}

while read -r stack service; do
	[[ $stack != "$STACK" ]] || exit 0
	taken "the service $service"
done < <(published)

container=$(docker ps --filter "publish=$PORT/tcp" --format '{{.Names}}' | head -1)
[[ -z $container ]] || taken "the container $container"

[[ $1 == yes ]] || exit 0
if command -v ss >/dev/null; then
	listener=$(ss -Hltnp "sport = :$PORT" | head -1)
	program=$(sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' <<<"$listener")
	[[ -z $listener ]] || taken "${program:-a program of this machine; to see which: sudo ss -ltnp \"sport = :$PORT\"}"
elif (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
	taken 'a program of this machine'
fi
