//go:build linux

// Command soak does to a Swarm of three nodes all that can befall one, under load, and writes a table of what
// became of the requests.
//
//	go run ./e2e/soak -n 20                  20 updates, then each event once
//	go run ./e2e/soak -rows 'update|cable'   only the rows whose names match
//
// It needs root. All that it saw is in the directory that -log names: the proxies' access logs, the apps' journals,
// the engines' logs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context) error {
	rounds := flag.Int("n", 20, "how many rounds of updates before the other events, at most 200")
	pattern := flag.String("rows", "", "only rows whose names match")
	logs := flag.String("log", ".build/soak/"+time.Now().UTC().Format("20060102-150405"), "directory for all that was seen")
	table := flag.String("o", "", "file for the table, besides standard output")
	number := flag.Int("cluster", 2, "number of the cluster")
	flag.Parse()
	only, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	r, err := newRig(ctx, *logs, *number)
	if err != nil {
		return err
	}
	results, failed := r.play(ctx, plan(*rounds, only))
	failed = errors.Join(failed, r.close(context.WithoutCancel(ctx)))
	text := markdown(results, "go run ./e2e/soak "+strings.Join(os.Args[1:], " "))
	fmt.Print(text)
	if *table != "" {
		failed = errors.Join(failed, os.WriteFile(*table, []byte(text), 0o644))
	}
	for _, x := range results {
		if len(x.faults) > 0 {
			failed = errors.Join(failed, fmt.Errorf("row %q: %s", x.name, x.faults[0]))
		}
	}
	return failed
}
