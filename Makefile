.DEFAULT_GOAL := help
.PHONY: help build deploy update broken-update remove demo test bench cluster cluster-down soak

help: ## print this
	@scripts/help.sh $(MAKEFILE_LIST)

build: ## build the images of the proxy and of the Flask app
	@scripts/build.sh

deploy: ## build, deploy docker-stack.yml, wait until it is healthy, print its address
	@scripts/deploy.sh

update: ## replace every Flask container by a new one
	@scripts/update.sh

broken-update: ## update to a health check that cannot pass: Swarm rolls it back
	@scripts/broken-update.sh

remove: ## remove the stack; the Swarm stays
	@scripts/remove.sh

demo: ## see it work without Docker: a simulated Swarm in one process
	@go run ./cmd/proxy demo

test: ## check the code, run its tests, then those on a real Swarm
	@scripts/test.sh

bench: ## measure beside other proxies
	@./bench/run

cluster: ## as root: bring up a Swarm of three nodes on this machine, with engines of its own
	@go run ./e2e/cluster/cmd up

cluster-down: ## take that Swarm away again, also after a crash
	@go run ./e2e/cluster/cmd down

soak: ## as root: N updates (20) and each other event on three nodes under load; a table of what became of the requests
	@go run ./e2e/soak -n $(or $(N),20) -o .build/soak.md
