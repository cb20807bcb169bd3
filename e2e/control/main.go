// Command control is the proxy without draining: the control group of the tests. It is the same
// in everything, but for a source that does not tell it which tasks are leaving. A test of
// draining that this proxy passes shows nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
	"github.com/fairlead-proxy/fairlead/discovery/swarm"
	"github.com/fairlead-proxy/fairlead/proxy"
	"github.com/fairlead-proxy/fairlead/proxy/accesslog"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "control:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := configs.Load(nil, os.Environ())
	if err != nil {
		return err
	}
	log := zerolog.New(os.Stderr).With().Timestamp().Logger()
	access, err := accesslog.Open(config.AccessLog.FilePath, config.AccessLog.Format, func(err error) { log.Error().Err(err).Send() })
	if err != nil {
		return err
	}
	source, err := swarm.New(swarm.Options{
		Endpoint: config.Swarm.Endpoint,
		Labels:   labels.Options{ExposedByDefault: config.Swarm.ExposedByDefault},
		Log:      log,
	})
	if err != nil {
		return err
	}
	p, err := proxy.New(proxy.Options{
		Config: config, Source: undrained{source}, Status: source.Status, AccessLog: access, Log: log, Version: "control",
	})
	if err != nil {
		return err
	}
	return p.Run(ctx)
}

// undrained presents tasks that are leaving as running until they have vanished.
type undrained struct{ discovery.Source }

func (u undrained) Run(ctx context.Context, apply func(discovery.Snapshot)) error {
	return u.Source.Run(ctx, func(s discovery.Snapshot) {
		s.Services = slices.Clone(s.Services) // what a source has applied is never written again
		for i := range s.Services {
			tasks := slices.Clone(s.Services[i].Tasks)
			for k := range tasks {
				if tasks[k].State == discovery.Leaving {
					tasks[k].State = discovery.Running
				}
			}
			s.Services[i].Tasks = tasks
		}
		apply(s)
	})
}
