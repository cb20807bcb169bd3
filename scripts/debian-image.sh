#!/usr/bin/env bash
# Make a small Debian image from Debian's packages, for machines that reach no registry; print its name.
# Delete .build and the image to have it made anew.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

arch=$(docker version --format '{{.Server.Arch}}')
image=fairlead.local/debian:bookworm-slim
archive=.build/debian-bookworm-$arch.tar

bootstrap() {
	command -v debootstrap >/dev/null || fail 'debootstrap is not installed; it makes a Debian image from packages' \
		'on Debian or Ubuntu: sudo apt-get install debootstrap' 'elsewhere: make the base images reachable, see GO_IMAGE and DEBIAN_IMAGE in scripts/bases.sh'
	local root=() dir
	((EUID == 0)) || root=(sudo)
	((EUID == 0)) || command -v sudo >/dev/null || fail 'debootstrap needs root' 'run this as root once; the result is kept in .build'
	mkdir -p .build
	dir=$(mktemp -d)
	say 'images: making a Debian base image (once, about a minute)'
	"${root[@]}" debootstrap --arch="$arch" --variant=minbase --include=ca-certificates bookworm "$dir/root" >.build/debootstrap.log 2>&1 ||
		fail "debootstrap: $(tail -1 .build/debootstrap.log)" "all it said: .build/debootstrap.log; its files: $dir"
	"${root[@]}" tar -C "$dir/root" --one-file-system --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
		--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' -c . >"$archive.part"
	mv "$archive.part" "$archive"
	"${root[@]}" rm -rf --one-file-system "$dir"
}

if ! docker image inspect "$image" >/dev/null 2>&1; then
	[[ -f $archive ]] || bootstrap
	docker import --change 'CMD ["bash"]' "$archive" "$image" >/dev/null
fi
echo "$image"
