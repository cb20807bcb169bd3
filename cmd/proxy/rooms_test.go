package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/fairlead-proxy/fairlead/"

// rooms from top to bottom: a room imports only rooms that stand below it. Those on one line
// know nothing of each other.
var rooms = [][]string{
	{"cmd/proxy"},
	{"cmd/proxy/demo"},
	{"proxy"},
	{"proxy/route"},
	{"proxy/rule"},
	{"proxy/forward"},
	{"proxy/websocket", "proxy/server", "proxy/upstream", "proxy/admin", "proxy/accesslog", "proxy/door", "proxy/diagnosis"},
	{"proxy/wire"},
	{"balancer", "sticky"},
	{"discovery/swarm", "discovery/static", "discovery/sim"},
	{"discovery/labels"},
	{"discovery"},
	{"configs"},
	{"internal/spelling"},
}

// only says who alone may import a package, or what is below its path.
var only = map[string]string{
	"github.com/docker/docker":         "discovery/swarm",
	"github.com/docker/go-connections": "discovery/swarm",
	"github.com/gogo/protobuf":         "discovery/swarm",
	"github.com/moby/swarmkit":         "discovery/swarm",
	"google.golang.org/grpc":           "discovery/swarm",
	"github.com/caddyserver/certmagic": "proxy/certs",
}

// most says of some rooms all that they may import of ours.
var most = map[string][]string{
	"balancer":          {"discovery"},
	"sticky":            {"discovery"},
	"proxy/server":      {"proxy/wire"},
	"proxy/upstream":    {"discovery", "proxy/wire"},
	"proxy/wire":        nil,
	"proxy/websocket":   nil,
	"proxy/door":        nil,
	"discovery":         nil,
	"configs":           {"internal/spelling"},
	"internal/spelling": nil,
}

type listed struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func floor(room string) int {
	return slices.IndexFunc(rooms, func(level []string) bool { return slices.Contains(level, room) })
}

func TestArrowsPointDownward(t *testing.T) {
	packages := list(t)
	if len(packages) < len(rooms) {
		t.Fatalf("only %d packages were listed", len(packages))
	}
	for _, p := range packages {
		room := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(room, "e2e") || strings.HasPrefix(room, "bench") {
			continue // they stand outside and may look into any room
		}
		if floor(room) < 0 {
			t.Errorf("%s has no place among the rooms: give it one here and in docs/architecture.md", room)
			continue
		}
		for _, path := range p.Imports {
			below, ours := strings.CutPrefix(path, module)
			if !ours {
				for foreign, owner := range only {
					if (path == foreign || strings.HasPrefix(path, foreign+"/")) && room != owner {
						t.Errorf("%s imports %s, which is for %s alone", room, path, owner)
					}
				}
				continue
			}
			if floor(below) <= floor(room) {
				t.Errorf("%s imports %s, which is not below it", room, below)
			}
			if all, limited := most[room]; limited && !slices.Contains(all, below) {
				t.Errorf("%s imports %s; of ours it may know %v only", room, below, all)
			}
		}
	}
}
