#!/usr/bin/env bash
# Check the code, run its tests, then those on a real Swarm. FUZZTIME (5000000x, say) is how many inputs each fuzz
# target gets; unset, the most exposed get about a minute, the others a moment. Where CI=true nothing may be missing;
# elsewhere what is missing is skipped, loudly.
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

# fuzz: give each fuzz target inputs that its author did not think of, two targets at a time. What strangers send
# gets about a minute.
fuzz() {
	export -f fuzz_one
	grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /:/; s|^\./||' | sort |
		xargs -P 2 -I{} bash -c "fuzz_one '{}'"
}

# fuzz_one FILE:TARGET. By a number of inputs, not by time: a fuzzer whose time ends at the wrong moment fails with
# "context deadline exceeded". And not a minute, the default, to shorten each input that reaches new code.
fuzz_one() {
	local inputs=20000x out
	case $1 in
	proxy/server/*:FuzzRequests*) inputs=500000x ;;
	proxy/target_test.go:*) inputs=150000x ;;
	proxy/forward/*:FuzzReceived*) inputs=350000x ;;
	proxy/upstream/*:FuzzAnswers*) inputs=250000x ;;
	sticky/*:FuzzRead) inputs=600000x ;;
	esac
	if ! out=$(go test -run '^$' -fuzz "^${1#*:}\$" -fuzztime "${FUZZTIME:-$inputs}" -fuzzminimizetime 100x -parallel 1 \
		"./$(dirname "${1%%:*}")" 2>&1); then
		printf '%s\n%s\n' "$1" "$out"
		return 1
	fi
	printf '%s %s\n' "${1#*:}" "$(grep -o 'elapsed.*execs: [0-9]*' <<<"$out" | tail -1)"
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
