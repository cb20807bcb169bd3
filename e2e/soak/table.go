//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

const head = `| event | app | replicas | requests | during | failed | lost with their process | refused at 0 replicas | held | retried | moved, why | WebSockets told to go | longest | after SIGTERM | event took |
| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --- | --: | --: | --: | --: |
`

// columns are the row's figures, as a row of the table.
func (x *result) columns() string {
	var why []string
	for w, n := range x.why {
		why = append(why, fmt.Sprintf("%s %d", w, n))
	}
	slices.Sort(why)
	moved := fmt.Sprint(x.moved)
	if len(why) > 0 {
		moved += ": " + strings.Join(why, ", ")
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %s | %d | %.1f s | %d | %.1f s |",
		x.name, x.service, x.replicas, len(x.report.Records), x.during, x.failed, x.lost, x.refused+x.shut, x.held, x.retried, moved, x.told,
		x.longest.Seconds(), x.late, x.to.Sub(x.from).Seconds())
}

// markdown is the table, with when and where it was measured.
func markdown(results []result, command string) string {
	var b strings.Builder
	host, _ := os.ReadFile("/proc/version")
	version := strings.Fields(string(host))
	fmt.Fprintf(&b, "%s, %d cores, Linux %s, `%s`:\n\n%s", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), version[2], command, head)
	requests, failed := 0, 0
	for _, x := range results {
		b.WriteString(x.columns() + "\n")
		requests += len(x.report.Records)
		failed += x.failed
	}
	fmt.Fprintf(&b, "\n%d requests in %d rows, %d failed.\n", requests, len(results), failed)
	for _, x := range results {
		for _, p := range x.proofs {
			fmt.Fprintf(&b, "\n- %s, %s: %s", x.name, x.service, p)
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}
