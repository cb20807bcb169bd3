// The witness is a task that follows its cluster as Fairlead does. It prints a line for each snapshot: when it
// was applied, and the tasks of the service that it is told to look at.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/swarm"
)

func main() {
	source, err := swarm.New(swarm.Options{Log: zerolog.New(os.Stderr)})
	if err != nil {
		panic(err)
	}
	_ = source.Run(context.Background(), func(s discovery.Snapshot) {
		for _, service := range s.Services {
			if service.Name != os.Args[1] {
				continue
			}
			for _, t := range service.Tasks {
				fmt.Println(time.Now().UnixMilli(), t.ID, t.State, t.Withdrawn)
			}
		}
		fmt.Println(time.Now().UnixMilli(), "applied")
	})
}
