#!/usr/bin/env bash
# Write a compose file that keeps all services on this node; print its path.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .build
file=.build/pin.yml
cat >"$file" <<END
version: "3.8"
services:
  proxy: &here
    deploy:
      placement:
        constraints: [node.id == $(docker info --format '{{.Swarm.NodeID}}')]
  door: *here
  flask: *here
END
echo "$file"
