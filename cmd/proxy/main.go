// Command fairlead is the edge proxy for Docker Swarm that is built to lose no request.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/fairlead-proxy/fairlead/cmd/proxy/demo"
	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/internal/spelling"
)

// version is set by the linker in images; elsewhere the module's is told.
var version string

func main() {
	ctx, stop := untilAsked()
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fairlead:", err)
		os.Exit(1)
	}
}

// untilAsked is a context that ends when a signal asks for an orderly end, which takes its time. A second interrupt gets
// the default, death: somebody at a keyboard is impatient. A second SIGTERM changes nothing: an engine that
// is stopped itself in the midst of a drain sends another one.
func untilAsked() (ctx context.Context, stop func()) {
	ctx, stop = signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGINT) })
	return ctx, stop
}

var commands = []string{"run", "door", "demo", "healthcheck", "version", "help"}

// dispatch runs the command that args begin with; without one, run.
func dispatch(ctx context.Context, args []string) error {
	command := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	for _, a := range args {
		if (a == "--help" || a == "-h") && command != "demo" {
			command = "help"
		}
	}
	switch command {
	case "run":
		return run(ctx, args)
	case "door":
		return openDoor(ctx, args)
	case "demo":
		return demo.Run(ctx, args, os.Stdin, os.Stdout)
	case "healthcheck":
		return healthcheck(ctx, args)
	case "version":
		_, err := fmt.Println("fairlead", versionOf())
		return err
	case "help":
		return configs.Usage(os.Stdout)
	}
	if near := spelling.Nearest(command, commands); near != "" {
		return fmt.Errorf("unknown command %q: did you mean %s", command, near)
	}
	return fmt.Errorf("unknown command %q: there are %s", command, strings.Join(commands, ", "))
}

func versionOf() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
