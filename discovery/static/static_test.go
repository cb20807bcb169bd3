package static

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// watched runs a source over a file that a test writes, on a clock that only moves when told to.
type watched struct {
	t    *testing.T
	file string
	*Source
	log     bytes.Buffer
	applied []discovery.Snapshot
}

// watch calls test in a bubble of its own, where the source runs until the test returns.
func watch(t *testing.T, test func(w *watched)) {
	file := temporary(t)
	synctest.Test(t, func(t *testing.T) {
		w := &watched{t: t, file: file}
		w.Source = New(file, zerolog.New(&w.log))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		begin := func() {
			go func() {
				ended <- w.Run(ctx, func(s discovery.Snapshot) { w.applied = append(w.applied, s) })
			}()
		}
		begin()
		synctest.Wait()
		test(w)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
}

// write gives the file a content, as if it had been written just now by the bubble's clock.
func (w *watched) write(text string) {
	w.t.Helper()
	write(w.t, w.file, text)
	w.stamp(time.Now())
}

func (w *watched) stamp(at time.Time) {
	w.t.Helper()
	if err := os.Chtimes(w.file, at, at); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *watched) expect(snapshots, lines int) {
	w.t.Helper()
	if len(w.applied) != snapshots || strings.Count(w.log.String(), "\n") != lines {
		w.t.Fatalf("%d snapshots, want %d; %d lines of log wanted:\n%s", len(w.applied), snapshots, lines, w.log.String())
	}
}

func TestAChangedFileIsAppliedWithinASecondAndAnUnchangedOneIsNot(t *testing.T) {
	watch(t, func(w *watched) {
		w.write(shop)
		w.wait(interval)
		w.expect(1, 2)
		w.wait(10 * interval)
		w.expect(1, 2)
		w.write(strings.Replace(shop, "8000", "9000", 1))
		w.wait(interval)
		w.expect(2, 2)
		if got := w.applied[1].Services[0].Tasks; len(got) != 2 {
			t.Errorf("tasks are %+v", got)
		}
		if got := w.Status(); got.Err != nil || time.Since(got.Seen) > interval {
			t.Errorf("the status is %+v", got)
		}
	})
}

func TestAFileThatIsTouchedButNotChangedIsNotAppliedAgain(t *testing.T) {
	watch(t, func(w *watched) {
		w.write(shop)
		w.wait(interval)
		for range 5 {
			w.wait(3 * interval)
			w.stamp(time.Now())
		}
		w.expect(1, 2)
	})
}

func TestTwoWritesInOneMomentAreBothSeen(t *testing.T) {
	watch(t, func(w *watched) {
		w.write(shop)
		at := time.Now()
		w.wait(interval)
		w.write(strings.Replace(shop, "8000", "9000", 1)) // the same size
		w.stamp(at)
		w.wait(interval)
		w.expect(2, 2)
	})
}

func TestASettledFileIsNotReadAgain(t *testing.T) {
	watch(t, func(w *watched) {
		w.write(shop)
		old := time.Now().Add(-time.Hour)
		w.stamp(old)
		w.wait(interval)
		w.write(strings.Replace(shop, "8000", "9000", 1))
		w.stamp(old)
		w.wait(5 * interval)
		w.expect(1, 2)
	})
}

func TestAMissingFileIsWaitedForAndSaidOnce(t *testing.T) {
	watch(t, func(w *watched) {
		w.wait(20 * interval)
		w.expect(0, 1)
		for _, want := range []string{"no such file", "--providers.file.filename", "waiting for it"} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("the log lacks %q: %s", want, w.log.String())
			}
		}
		if got := w.Status(); got.Err == nil || !got.Seen.IsZero() || time.Since(got.Since) < 20*interval {
			t.Errorf("the status is %+v", got)
		}
	})
}

func TestABrokenEditLeavesTheLastGoodSnapshotInForceAndIsSaidOnceWithItsLine(t *testing.T) {
	watch(t, func(w *watched) {
		w.write(shop)
		w.wait(interval)
		w.write("http:\n  routers: [\n")
		w.wait(10 * interval)
		w.expect(1, 3)
		if log := w.log.String(); !strings.Contains(log, "routes.yml:") || !strings.Contains(log, "stays in force") {
			t.Errorf("the log is %s", log)
		}
		if got := w.Status(); got.Err == nil || got.Seen.IsZero() {
			t.Errorf("the status is %+v", got)
		}
		w.write(shop)
		w.wait(interval)
		w.expect(1, 4) // it says what it said before, so there is nothing to apply
		if w.Status().Err != nil {
			t.Errorf("the status is %+v", w.Status())
		}
	})
}

func TestAFileThatIsTakenAwayLeavesTheLastSnapshotInForce(t *testing.T) {
	watch(t, func(w *watched) {
		w.write(shop)
		w.wait(interval)
		if err := os.Remove(w.file); err != nil {
			t.Fatal(err)
		}
		w.wait(5 * interval)
		w.expect(1, 3)
		w.write(strings.Replace(shop, "8000", "9000", 1))
		w.wait(interval)
		w.expect(2, 4)
	})
}
