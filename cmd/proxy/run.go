package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
	"github.com/fairlead-proxy/fairlead/discovery/static"
	"github.com/fairlead-proxy/fairlead/discovery/swarm"
	"github.com/fairlead-proxy/fairlead/proxy"
	"github.com/fairlead-proxy/fairlead/proxy/accesslog"
	"github.com/fairlead-proxy/fairlead/sticky"
)

// run serves until ctx ends.
func run(ctx context.Context, args []string) error {
	config, err := configs.Load(args, os.Environ())
	if err != nil {
		return fmt.Errorf("%w\n`fairlead --help` lists all options", err)
	}
	log, err := newLog(config.Log)
	if err != nil {
		return err
	}
	log.Info().Str("version", versionOf()).Msg("fairlead")
	for _, w := range config.Warnings {
		log.Warn().Msg(w)
	}
	keys, err := readKeys(config.Sticky.KeyFile)
	if err != nil {
		return err
	}
	access, err := openAccessLog(config.AccessLog, log)
	if err != nil {
		return err
	}
	source, status, err := newSource(config, log)
	if err != nil {
		return err
	}
	p, err := proxy.New(proxy.Options{
		Config: config, Source: source, Status: status, Keys: keys, AccessLog: access, Log: log, Version: versionOf(),
	})
	if err != nil {
		return err
	}
	if err := errors.Join(p.Run(ctx), access.Close()); err != nil {
		return err
	}
	log.Info().Msg("ended in order")
	return nil
}

// newLog writes to standard error: readable on a terminal, JSON elsewhere, unless told.
func newLog(c configs.Log) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		return zerolog.Nop(), fmt.Errorf("--log.level: %w", err)
	}
	var out io.Writer = os.Stderr
	if c.Format == "common" || c.Format == "" && isatty.IsTerminal(os.Stderr.Fd()) {
		out = zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != "" || !isatty.IsTerminal(os.Stderr.Fd())}
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger(), nil
}

// readKeys is nil where no file is named: the cluster's id makes the key then.
func readKeys(file string) (*sticky.Keys, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--sticky.keyfile: %w", err)
	}
	keys, err := sticky.ParseKeys(content)
	if err != nil {
		return nil, fmt.Errorf("--sticky.keyfile: %s: %w", file, err)
	}
	return &keys, nil
}

func openAccessLog(c configs.AccessLog, log zerolog.Logger) (*accesslog.Writer, error) {
	if !c.Enabled {
		return nil, nil
	}
	return accesslog.Open(c.FilePath, c.Format, func(err error) { log.Error().Msg(err.Error()) })
}

// newSource is where the options say that snapshots come from.
func newSource(c *configs.Config, log zerolog.Logger) (discovery.Source, func() discovery.Status, error) {
	if c.File != nil {
		s := static.New(c.File.Filename, log)
		return s, s.Status, nil
	}
	s, err := swarm.New(swarm.Options{
		Endpoint:       c.Swarm.Endpoint,
		Interval:       c.Swarm.Interval,
		UpdateInterval: c.Swarm.UpdateInterval,
		ControlSocket:  c.Swarm.ControlSocket,
		Labels: labels.Options{
			ExposedByDefault: c.Swarm.ExposedByDefault,
			Network:          c.Swarm.Network,
			DefaultRule:      c.Swarm.DefaultRule,
		},
		Log: log,
	})
	if err != nil {
		return nil, nil, err
	}
	return s, s.Status, nil
}
