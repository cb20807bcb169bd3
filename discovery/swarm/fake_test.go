package swarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"
)

// fake is an engine that answers what a real one (20.10.24) once did. It is faked at the HTTP
// level only: the client, its connections and its version negotiation are real.
type fake struct {
	t testing.TB

	mu      sync.Mutex
	min     string // API versions that it speaks
	max     string
	lists   map[string][]json.RawMessage
	info    json.RawMessage
	calls   []request
	names   map[string][]netip.Addr                                        // what its resolver says
	asked   map[string]int                                                 // how often
	instead func(w http.ResponseWriter, r *http.Request, path string) bool // answers, if it says so
	refuse  error                                                          // of a dial
	cut     chan struct{}                                                  // closed: event streams end
	streams map[chan string]bool
}

type request struct {
	path, version, filters string
	at                     time.Time
}

func newFake(t testing.TB, recorded string) *fake {
	f := &fake{t: t, min: "1.24", max: "1.41", lists: map[string][]json.RawMessage{}, names: map[string][]netip.Addr{}, asked: map[string]int{}, cut: make(chan struct{}), streams: map[chan string]bool{}}
	for _, name := range []string{"services", "tasks", "nodes", "networks"} {
		var list []json.RawMessage
		if err := json.Unmarshal(readFile(t, recorded, name), &list); err != nil {
			t.Fatal(err)
		}
		f.lists[name] = list
	}
	f.info = readFile(t, recorded, "info")
	return f
}

func readFile(t testing.TB, recorded, name string) []byte {
	b, err := os.ReadFile(filepath.Join("testdata", recorded, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, version := r.URL.Path, ""
	if rest, ok := strings.CutPrefix(path, "/v"); ok {
		version, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	f.mu.Lock()
	f.calls = append(f.calls, request{path, version, r.URL.Query().Get("filters"), time.Now()})
	instead, low, high := f.instead, f.min, f.max
	f.mu.Unlock()
	w.Header().Set("Api-Version", high)
	w.Header().Set("Content-Type", "application/json")
	if instead != nil && instead(w, r, path) {
		return
	}
	switch {
	case path == "/_ping":
	case versions.GreaterThan(version, high):
		say(w, http.StatusBadRequest, fmt.Sprintf("client version %s is too new. Maximum supported API version is %s", version, high))
	case versions.LessThan(version, low):
		say(w, http.StatusBadRequest, fmt.Sprintf("client version %s is too old. Minimum supported API version is %s, please upgrade your client to a newer version", version, low))
	case path == "/events":
		f.stream(w, r)
	case path == "/info":
		_, _ = w.Write(f.info)
	default:
		f.list(w, strings.TrimPrefix(path, "/"), r.URL.Query().Get("filters"))
	}
}

// say answers as the engine does when it fails.
func say(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func (f *fake) list(w http.ResponseWriter, name, filter string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list, ok := f.lists[name]
	if !ok {
		say(w, http.StatusNotFound, "page not found")
		return
	}
	var by map[string]map[string]bool
	if filter != "" {
		if err := json.Unmarshal([]byte(filter), &by); err != nil {
			say(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	out := []json.RawMessage{}
	for _, raw := range list {
		var t swarm.Task
		if err := json.Unmarshal(raw, &t); err != nil {
			f.t.Error(err)
		}
		if (by["desired-state"] == nil || by["desired-state"][string(t.DesiredState)]) && (by["id"] == nil || by["id"][t.ID]) {
			out = append(out, raw)
		}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (f *fake) stream(w http.ResponseWriter, r *http.Request) {
	messages := make(chan string, 100)
	f.mu.Lock()
	f.streams[messages] = true
	cut := f.cut
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.streams, messages)
	}()
	w.(http.Flusher).Flush()
	for {
		select {
		case m := <-messages:
			_, _ = w.Write([]byte(m))
			w.(http.Flusher).Flush()
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fake) event() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for m := range f.streams {
		m <- `{"Type":"service","Action":"update","Actor":{"ID":"s"},"scope":"swarm","time":1,"timeNano":1}`
	}
}

func (f *fake) cutStreams() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.cut)
	f.cut = make(chan struct{})
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// edit changes one object of a list, and counts up its version as the engine does.
func edit[T any](f *fake, list, id string, change func(*T)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, raw := range f.lists[list] {
		var head struct {
			ID      string
			Version swarm.Version
		}
		if err := json.Unmarshal(raw, &head); err != nil || head.ID != id {
			continue
		}
		var o T
		if err := json.Unmarshal(raw, &o); err != nil {
			f.t.Fatal(err)
		}
		change(&o)
		b, err := json.Marshal(o)
		if err != nil {
			f.t.Fatal(err)
		}
		old := fmt.Sprintf(`"Version":{"Index":%d}`, head.Version.Index)
		b = []byte(strings.Replace(string(b), old, fmt.Sprintf(`"Version":{"Index":%d}`, head.Version.Index+1000), 1))
		f.lists[list][i] = b
		return
	}
	f.t.Errorf("no %s in %s", id, list)
}

func remove(f *fake, list, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists[list] = slices.DeleteFunc(f.lists[list], func(raw json.RawMessage) bool {
		return strings.Contains(string(raw)[:80], `"`+id+`"`)
	})
}

// made are the calls to path, or all of them.
func (f *fake) made(path string) []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []request
	for _, c := range f.calls {
		if path == "" || c.path == path {
			out = append(out, c)
		}
	}
	return out
}

func (f *fake) forget() { f.set(func() { f.calls = nil }) }

// lookup is the resolver. A name that has no address fails.
func (f *fake) lookup(_ context.Context, name string) ([]netip.Addr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[name]++
	if len(f.names[name]) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return f.names[name], nil
}

// pipes serves f over net.Pipe, so that a synctest bubble knows when all is idle.
func (f *fake) pipes() func(ctx context.Context, network, address string) (net.Conn, error) {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: f}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	f.t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		f.mu.Lock()
		refuse := f.refuse
		f.mu.Unlock()
		if refuse != nil {
			return nil, refuse
		}
		ours, theirs := net.Pipe()
		select {
		case l.conns <- theirs:
			return ours, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, errors.New("closed")
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
