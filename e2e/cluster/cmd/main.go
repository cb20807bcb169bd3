//go:build linux

// Command cmd brings a Swarm of three nodes up on this machine, to try things by hand, and takes it down.
//
//	go run ./e2e/cluster/cmd up [-managers 3] [IMAGE...]
//	go run ./e2e/cluster/cmd down
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/cluster"
)

// number of the cluster: tests have others.
const number = 0

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	managers := flags.Int("managers", 1, "how many of the nodes are managers")
	if len(args) == 0 {
		return fmt.Errorf("up or down?")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "up":
		return up(ctx, *managers, flags.Args())
	case "down":
		return cluster.Sweep(ctx, number)
	}
	return fmt.Errorf("%s? up or down", args[0])
}

func up(ctx context.Context, managers int, images []string) error {
	c, err := cluster.Up(ctx, cluster.Options{Number: number, Nodes: 3, Managers: managers, Images: images})
	if err != nil {
		return err
	}
	for _, n := range c.Nodes {
		fmt.Printf("%s  %s  docker --host unix://%s\n", n.Name, n.Address, n.Socket())
	}
	return nil
}
