//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestASecondSIGTERMCutsNothingShortASecondInterruptDoes(t *testing.T) {
	const helper = "SIGNALLED"
	if os.Getenv(helper) != "" { // the process that is asked to end, and takes until its input ends
		ctx, _ := untilAsked()
		fmt.Println("waits")
		<-ctx.Done()
		fmt.Println("asked")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	for signal, survives := range map[syscall.Signal]bool{syscall.SIGTERM: true, syscall.SIGINT: false} {
		t.Run(signal.String(), func(t *testing.T) {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestASecondSIGTERM")
			c.Env = append(os.Environ(), helper+"=yes")
			in, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewScanner(out)
			for _, want := range []string{"waits", "asked"} {
				if !said.Scan() || said.Text() != want {
					t.Fatalf("it says %q, want %q", said.Text(), want)
				}
				if err := c.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			ended := make(chan error, 1)
			go func() { ended <- c.Wait() }()
			for again := time.Now().Add(10 * time.Second); !survives; {
				select {
				case err := <-ended:
					if err == nil {
						t.Error("it ended in order")
					}
					return
				case <-time.After(10 * time.Millisecond):
					_ = c.Process.Signal(signal) // the first ones may have come too early
				}
				if time.Now().After(again) {
					t.Fatal("it lives on")
				}
			}
			select {
			case err := <-ended:
				t.Fatalf("the second one ended it: %v", err)
			case <-time.After(200 * time.Millisecond):
			}
			in.Close()
			if err := <-ended; err != nil {
				t.Errorf("then it ended with %v", err)
			}
		})
	}
}
