#!/usr/bin/env bash
# Check the code, run its tests, then those on a real Swarm. FUZZTIME (20000x) is how many inputs each fuzz target
# gets. Where CI=true nothing may be missing; elsewhere what is missing is skipped, loudly.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# section TITLE COMMAND...: run a command under a title, and say how long it took.
section() {
	local start=$SECONDS
	printf '\n== %s\n' "$1"
	"${@:2}"
	printf -- '-- %s: %d s\n' "$1" $((SECONDS - start))
}

# without WHAT CURE: something is missing.
without() {
	[[ ${CI:-} != true ]] || fail "$1, and with CI=true nothing is skipped" "$2"
	printf '\n!! SKIPPED: %s\n!! %s\n\n' "$1" "$2"
	skipped+=("$1")
}

check_format() {
	local files
	files=$(gofmt -l .)
	[[ -z $files ]] || fail "not formatted: ${files//$'\n'/ }" 'gofmt -w .'
}

check_scripts() {
	if command -v shellcheck >/dev/null; then
		shellcheck -x scripts/*.sh bench/run .ci/run
	else
		without 'shellcheck is not installed' 'on Debian or Ubuntu: sudo apt-get install shellcheck'
	fi
}

# fuzz: give each fuzz target some inputs that its author did not think of. Not some time: a fuzzer whose time ends
# at the wrong moment fails with "context deadline exceeded". And not a minute, the default, to shorten each input that
# reaches new code.
fuzz() {
	local file target
	while IFS=: read -r file target; do
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20000x}" -fuzzminimizetime 100x "./$(dirname "$file")"
	done < <(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /:/; s|^\./||' | sort)
}

# swarm_tests: those that deploy services of their own and remove them again.
swarm_tests() {
	local trouble
	if trouble=$(find_own_swarm 2>&1); then
		say "$trouble"
		# Here and not in the tests, which bound what they wait for: on a fresh machine this takes minutes.
		make --no-print-directory build >/dev/null
		FAIRLEAD_E2E=1 go test -count=1 -p 1 -timeout 30m ./e2e/... ./discovery/swarm/...
	else
		without 'the tests on a real Swarm' "${trouble//$'\n'/$'\n'!! }"
	fi
}

find_own_swarm() (
	. scripts/engine.sh
	. scripts/swarm.sh
	find_engine
	start_swarm
	find_swarm
)

skipped=()
section 'format' check_format
section 'vet' go vet ./...
section 'staticcheck' go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
section 'shellcheck' check_scripts
section 'tests' go test -race ./...
section 'fuzzing' fuzz
section 'tests on a real Swarm' swarm_tests
printf '\nall passed in %d s%s\n' "$SECONDS" "${skipped[*]/#/, NOT RUN: }"
