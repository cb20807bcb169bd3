package swarm

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Recorded from an engine 20.10.24: steady, two replicas, a global service and a proxy with
// a hostname of its own; update, a start-first update that moves the port from 8000 to 9000, with one task
// leaving and one starting; removed, scaled down, and a service removed while its task drains.
func TestRecordedListingsReadAsWritten(t *testing.T) {
	for _, name := range []string{"steady", "update", "removed"} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			if name == "removed" {
				m.learn(recordedListing(t, "steady"))
			}
			l := recordedListing(t, name)
			tasks := m.learn(l)
			m.own.find(tasks, func() Self { return Self{} })
			got, err := json.MarshalIndent(m.read(view{listing: l, tasks: tasks}), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			file := filepath.Join("testdata", name, "want.json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs (go test -run Recorded -update writes it anew); got:\n%s", file, got)
			}
		})
	}
}

func recordedListing(t *testing.T, name string) listing {
	t.Helper()
	return listing{
		cluster:  "c",
		full:     true,
		tasks:    recorded[swarm.Task](t, name, "tasks"),
		services: recorded[swarm.Service](t, name, "services"),
		nodes:    recorded[swarm.Node](t, name, "nodes"),
		networks: recorded[network.Summary](t, name, "networks"),
	}
}
