//go:build linux

package cluster

import (
	"os"
	"testing"
)

// Require skips a test unless it was asked for with FAIRLEAD_E2E=1, and, loudly, on a machine that cannot have a
// cluster. With CI=true such a machine is a failure: a test that is skipped proves nothing.
func Require(t *testing.T) {
	t.Helper()
	if os.Getenv("FAIRLEAD_E2E") != "1" {
		t.Skip("SKIPPED, NOT TRIED ON THREE NODES: run `make test` as root, or FAIRLEAD_E2E=1 go test -count=1 ./e2e/...")
	}
	switch err := Missing(); {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%v; with CI=true nothing is skipped", err)
	default:
		t.Skipf("SKIPPED, NOT TRIED ON THREE NODES: %v", err)
	}
}
