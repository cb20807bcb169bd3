#!/usr/bin/env bash
# Build both images; print the references under which a Swarm finds them, as variables of docker-stack.yml.
# With REGISTRY they are pushed there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
. scripts/engine.sh
. scripts/bases.sh

find_engine
consent 1
[[ -z ${PLATFORMS:-} || -n ${REGISTRY:-} ]] || fail 'images for several platforms exist in registries only' 'say which: REGISTRY=host[:port]'
[[ -z ${PLATFORMS:-} ]] || docker buildx version >/dev/null 2>&1 ||
	fail 'PLATFORMS needs buildx, and the docker command has none' 'install docker-buildx-plugin, or leave PLATFORMS away'
choose_bases

version=$(git describe --tags --always --dirty 2>/dev/null || echo unknown)

# reference NAME: what a Swarm is to run of the image just built here.
reference() {
	local id
	id=$(docker image inspect --format '{{.Id}}' "$1:latest")
	id=${id#sha256:}
	docker tag "$1:latest" "${REGISTRY:+$REGISTRY/}$1:${id:0:12}"
	if [[ -z ${REGISTRY:-} ]]; then
		echo "$1:${id:0:12}"
		return
	fi
	docker tag "$1:latest" "$REGISTRY/$1:latest"
	push "$REGISTRY/$1:latest"
	push "$REGISTRY/$1:${id:0:12}"
	docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1:latest" | grep -F "$REGISTRY/$1@" | head -1
}

push() {
	say "images: pushing $1"
	docker push --quiet "$1" >&2 || fail "$1 could not be pushed" \
		"log in: docker login $REGISTRY; a registry without TLS must be in the engine's insecure-registries"
}

# image NAME FLAG... DIRECTORY: build, tag and perhaps push one image; print its reference.
image() {
	say "images: building $1"
	local flags=("${build_flags[@]}" "${@:2}") meta=.build/$1.json
	if [[ -z ${PLATFORMS:-} ]]; then
		docker build "${flags[@]}" --tag "$1:latest" >&2
		reference "$1"
		return
	fi
	mkdir -p .build
	docker buildx build "${flags[@]}" --platform "$PLATFORMS" --push --metadata-file "$meta" --tag "$REGISTRY/$1:latest" >&2
	echo "$REGISTRY/$1@$(sed -n 's/.*"containerimage.digest": *"\([^"]*\)".*/\1/p' "$meta" | head -1)"
}

go_flags=(--build-arg "GO_IMAGE=$GO_IMAGE" --build-arg "VERSION=$version")
for name in GOPROXY GOSUMDB GOFLAGS; do
	[[ -z ${!name:-} ]] || go_flags+=(--build-arg "$name=${!name}")
done
proxy=$(image fairlead "${go_flags[@]}" .)
flask=$(image fairlead-flask --build-arg "DEBIAN_IMAGE=$DEBIAN_IMAGE" examples/flask)
echo "FAIRLEAD_IMAGE=$proxy"
echo "FLASK_IMAGE=$flask"
