// Package e2e tests Fairlead on a real Swarm: stacks are deployed, put under load, updated,
// broken and scaled, and no request may be lost.
//
//	FAIRLEAD_E2E=1 go test -count=1 -v ./e2e
//
// The tests need a Docker engine of this machine that manages a Swarm; `make test` sees to
// that. They publish ports from 18100 to 18120, and touch no stack but those that they deploy.
// What needs several nodes has them in cluster.
package e2e
