package swarm

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// A listing of 200 services with ten tasks each, as the proxy pays for it: the fake answers
// from memory. Quiet is a listing that says nothing new, changed one that is converted whole.
func BenchmarkListing(b *testing.B) {
	for _, changed := range []bool{false, true} {
		b.Run(fmt.Sprintf("changed=%v", changed), func(b *testing.B) {
			f := large(b, 200, 10)
			e, err := connect(Options{Endpoint: serveLarge(b, f)})
			if err != nil {
				b.Fatal(err)
			}
			defer e.close()
			m := newMemory()
			for b.Loop() {
				l, err := e.list(b.Context(), m)
				if err != nil {
					b.Fatal(err)
				}
				tasks := m.learn(l)
				if n := len(tasks); n != 2000 {
					b.Fatalf("%d tasks", n)
				}
				_ = l.marks(tasks)
				if changed {
					_ = m.read(view{listing: l, tasks: tasks})
				}
			}
		})
	}
}

// large answers with lists of many copies of one recorded service and one of its tasks.
func large(t testing.TB, services, tasks int) map[string][]byte {
	out := map[string][]byte{"/info": readFile(t, "steady", "info"), "/nodes": readFile(t, "steady", "nodes"), "/networks": readFile(t, "steady", "networks"), "/_ping": nil}
	pick := func(list, prefix string) (string, string) {
		var all []json.RawMessage
		if err := json.Unmarshal(readFile(t, "steady", list), &all); err != nil {
			t.Fatal(err)
		}
		for _, raw := range all {
			var o struct {
				ID   string
				Spec struct{ Name string }
			}
			if err := json.Unmarshal(raw, &o); err == nil && (strings.HasPrefix(o.ID, prefix) || o.Spec.Name == prefix) {
				return string(raw), o.ID
			}
		}
		t.Fatalf("no %s in %s", prefix, list)
		return "", ""
	}
	service, serviceID := pick("services", "swtest_web")
	task, taskID := pick("tasks", web1)
	var ss, ts []string
	for i := range services {
		id := fmt.Sprintf("service%018d", i)
		ss = append(ss, strings.NewReplacer(serviceID, id, "swtest_web", fmt.Sprintf("shop_web%d", i)).Replace(service))
		for j := range tasks {
			ts = append(ts, strings.NewReplacer(serviceID, id, taskID, fmt.Sprintf("task%021d", i*tasks+j)).Replace(task))
		}
	}
	out["/services"] = []byte("[" + strings.Join(ss, ",") + "]")
	out["/tasks"] = []byte("[" + strings.Join(ts, ",") + "]")
	return out
}

func serveLarge(t testing.TB, answers map[string][]byte) string {
	path := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		_, _ = w.Write(answers[strings.TrimPrefix(r.URL.Path, "/v1.41")])
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return "unix://" + path
}
