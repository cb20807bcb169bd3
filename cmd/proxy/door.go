package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead-proxy/fairlead/configs"
	"github.com/fairlead-proxy/fairlead/proxy/door"
)

// openDoor listens on the addresses of the entry points that have a door, and hands the sockets to proxies until
// ctx ends.
func openDoor(ctx context.Context, args []string) error {
	config, doors, err := loadDoors(args)
	if err != nil {
		return err
	}
	log, err := newLog(config.Log)
	if err != nil {
		return err
	}
	log.Info().Str("version", versionOf()).Msg("fairlead door")
	cuts := door.OwnNetwork()
	var opened []*door.Door
	for _, path := range slices.Sorted(maps.Keys(doors)) {
		d, err := door.Open(path, doors[path], cuts, log)
		if err != nil {
			return err
		}
		opened = append(opened, d)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range opened {
		g.Go(func() error { return d.Serve(ctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	log.Info().Msg("the door ended in order; proxies look for the next one")
	return nil
}

// checkDoor asks the doors of the options whether they hand out their sockets.
func checkDoor(ctx context.Context, args []string) error {
	_, doors, err := loadDoors(args)
	if err != nil {
		return err
	}
	for path := range doors {
		err = errors.Join(err, door.Look(ctx, path))
	}
	return err
}

// loadDoors returns, for the path of each door, the entry points that it listens for.
func loadDoors(args []string) (*configs.Config, map[string][]door.Entry, error) {
	config, err := configs.Load(args, os.Environ())
	if err != nil {
		return nil, nil, fmt.Errorf("%w\n`fairlead --help` lists all options", err)
	}
	doors := map[string][]door.Entry{}
	for _, e := range config.EntryPoints {
		if e.Door != "" {
			doors[e.Door] = append(doors[e.Door], door.Entry{Name: e.Name, Address: e.Address})
		}
	}
	if len(doors) == 0 {
		return nil, nil, errors.New("no entry point has a door: set --entrypoints.<name>.door=/run/fairlead/door.sock beside its address, the same for the door and the proxies")
	}
	return config, doors, nil
}
