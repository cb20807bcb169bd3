# shellcheck shell=bash
# Sourced after engine.sh: the images that the Dockerfiles start from.

# choose_bases: set GO_IMAGE, DEBIAN_IMAGE and build_flags. The Dockerfiles' own base images are taken where they can
# be had; else images made from Debian's packages, under names that no other build asks for.
choose_bases() {
	GO_IMAGE=${GO_IMAGE:-golang:1.26}
	DEBIAN_IMAGE=${DEBIAN_IMAGE:-debian:bookworm-slim}
	build_flags=()
	if [[ ${OFFLINE:-} == 1 ]]; then
		say 'images: OFFLINE=1, so base images are made from Debian packages'
		make_bases
	elif ! have "$GO_IMAGE" || ! have "$DEBIAN_IMAGE"; then
		say 'images: no registry gives the base images, so they are made from Debian packages (OFFLINE=1 saves the try)'
		make_bases
	fi
}

# have IMAGE: it is there, or can be pulled.
have() {
	docker image inspect "$1" >/dev/null 2>&1 && return
	say "images: pulling $1"
	docker pull --quiet "$1" >&2
}

# make_bases: set the base images to ones made here. Builds then reach the package mirrors as this machine does.
make_bases() {
	[[ -z ${PLATFORMS:-} ]] || fail 'base images made from Debian packages are for one platform, so PLATFORMS needs a registry that has them' \
		'leave PLATFORMS away, or name images that can be pulled: GO_IMAGE=… DEBIAN_IMAGE=…'
	DEBIAN_IMAGE=$(scripts/debian-image.sh)
	GO_IMAGE=$(scripts/golang-image.sh "$DEBIAN_IMAGE")
	build_flags+=(--network=host)
}
