#!/usr/bin/env bash
# help.sh MAKEFILE: print what `make` can do, from the comments beside its targets.
set -euo pipefail

echo 'Fairlead, the edge proxy for Docker Swarm. It can be tried with:'
echo
awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $1, $2 }' "$1"
cat <<'END'

Variables, before or behind `make deploy` (defaults in brackets):

  STACK=name        name of the stack [experiment]
  PORT=number       port of this machine that the proxy takes [80]
  DOOR=new          replace the door as well, for which connections are refused for some seconds
  WAIT=seconds      how long services may take to become healthy [180]
  YES=1             also change an engine elsewhere, or a Swarm of several nodes
  REGISTRY=host     push the images there and deploy them by digest: needed to use several nodes
  PLATFORMS=list    with REGISTRY: build for these, e.g. linux/amd64,linux/arm64 (needs buildx)
  OFFLINE=1         make base images from Debian's packages, without trying a registry first
END
