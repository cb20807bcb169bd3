#!/usr/bin/env bash
# golang-image.sh BASE: put this machine's Go into a copy of the image BASE, for machines that reach no registry;
# print the name of the result.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

command -v go >/dev/null || fail 'without a registry the proxy is built with the Go of this machine, and there is none' \
	"install Go $(awk '$1 == "go" { print $2 }' go.mod) or later: https://go.dev/doc/install"
version=$(go env GOVERSION) || fail "go does not work here, see above" "go.mod asks for Go $(awk '$1 == "go" { print $2 }' go.mod)"
platform=$(docker version --format '{{.Server.Os}}/{{.Server.Arch}}')
[[ $(go env GOHOSTOS)/$(go env GOHOSTARCH) == "$platform" ]] ||
	fail "the engine is for $platform, the Go of this machine for $(go env GOHOSTOS)/$(go env GOHOSTARCH), so it cannot go into an image" \
		'let the engine pull the base images, or use a machine of its kind'

image=fairlead.local/golang:$version
if ! docker image inspect "$image" >/dev/null 2>&1; then
	say "images: making a Go image from $version of this machine"
	container=$(docker create "$1")
	trap 'docker rm --force "$container" >/dev/null' EXIT
	docker cp "$(go env GOROOT)/." "$container:/usr/local/go" >&2
	changes=(--change 'ENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'ENV GOTOOLCHAIN=local')
	# Where modules come over a connection that this machine trusts by an authority of its own, the build must trust
	# it too. The file stays beside the image's own certificates, which go into the proxy's image.
	trusted=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
	if [[ -f $trusted ]]; then
		docker cp --follow-link "$trusted" "$container:/usr/local/share/host-certificates.crt" >&2
		changes+=(--change 'ENV SSL_CERT_FILE=/usr/local/share/host-certificates.crt')
	fi
	docker commit "${changes[@]}" "$container" "$image" >/dev/null
fi
echo "$image"
