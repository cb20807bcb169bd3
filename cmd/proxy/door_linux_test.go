package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheDoorIsHealthyWhileItHandsOutItsSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "door.sock")
	args := []string{"--entrypoints.web.address=127.0.0.1:0", "--entrypoints.web.door=" + path, "--log.level=error"}
	check := append([]string{"healthcheck", "door"}, args...)
	if err := dispatch(t.Context(), check); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("without a door: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- dispatch(ctx, append([]string{"door"}, args...)) }()
	for deadline := time.Now().Add(10 * time.Second); dispatch(t.Context(), check) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("with a door: %v", dispatch(t.Context(), check))
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("door: %v", err)
	}
}

func TestADoorNeedsAnEntryPointOfItsOwn(t *testing.T) {
	for _, line := range []string{"door", "healthcheck door --entrypoints.web.address=:80"} {
		if err := dispatch(t.Context(), strings.Fields(line)); err == nil || !strings.Contains(err.Error(), "set --entrypoints.<name>.door=") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
