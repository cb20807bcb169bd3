package demo

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// played is what a demo without a terminal writes.
func played(t *testing.T, ctx context.Context, args ...string) (string, error) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	runErr := Run(ctx, args, null, out)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), runErr
}

func TestBothLanesServeAndTheEndIsASummary(t *testing.T) {
	text, err := played(t, t.Context(), "--duration=9s")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !strings.HasPrefix(text, "http://127.0.0.1:") {
		t.Errorf("the address does not come first:\n%s", text)
	}
	for _, lane := range []string{"Fairlead", "15s poll"} {
		row := regexp.MustCompile(`(?m)^ *` + lane + ` +(\d+) +(\d+) +\d+ +\d+ +\d+ +\S+$`).FindStringSubmatch(text)
		if row == nil {
			t.Fatalf("no summary of lane %s:\n%s", lane, text)
		}
		if requests, _ := strconv.Atoi(row[1]); requests < 100 {
			t.Errorf("lane %s had %d requests, want some hundred", lane, requests)
		}
		if lane == "Fairlead" && row[2] != "0" {
			t.Errorf("lane %s lost %s requests:\n%s", lane, row[2], text)
		}
	}
	if !strings.Contains(text, " is running\n") {
		t.Errorf("no events were written:\n%s", text)
	}
}

func TestItEndsWithItsContextAlsoBeforeTheReplicasRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if text, err := played(t, ctx); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestATakenPortIsAnErrorOnlyIfItWasAskedFor(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	if _, err := played(t, t.Context(), "--port="+port); err == nil || !strings.Contains(err.Error(), port) {
		t.Errorf("error %v does not name the port %s", err, port)
	}
	number, _ := strconv.Atoi(port)
	l, err := newLane("next", nil, number, number+50, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if l.addr.Port <= number {
		t.Errorf("it listens on %d, want a port after %d", l.addr.Port, number)
	}
}

func TestArgumentsThatItDoesNotKnowAreErrors(t *testing.T) {
	for _, args := range [][]string{{"--prot=1"}, {"now"}, {"--duration=x"}} {
		if _, err := played(t, t.Context(), args...); err == nil {
			t.Errorf("%v is no error", args)
		}
	}
	if text, err := played(t, t.Context(), "--help"); err != nil || !strings.Contains(text, "-port") {
		t.Errorf("--help: %v\n%s", err, text)
	}
}
