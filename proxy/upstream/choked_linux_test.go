package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// inNamespace runs a test once more in a network namespace of its own, whose loopback has a frame size
// like a network's, and returns true there. It takes root.
func inNamespace(t *testing.T) bool {
	t.Helper()
	const inside = "FAIRLEAD_TEST_NAMESPACE"
	if os.Getenv(inside) == t.Name() {
		return true
	}
	for _, tool := range []string{"unshare", "ip", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil || os.Getuid() != 0 {
			if os.Getenv("CI") == "true" {
				t.Fatalf("needs root and %s", tool)
			}
			t.Skipf("SKIPPED: needs root and %s", tool)
		}
	}
	c := exec.Command("unshare", "--net", "sh", "-ec", `ip link set lo mtu 1500; ip link set lo up; exec "$@"`, "sh",
		os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), inside+"="+t.Name())
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("inside its namespace: %v\n%s", err, out)
	}
	return false
}

func TestAWayTooNarrowForLargePacketsIsToldFromASlowBackend(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	large := strings.Repeat("x", 5000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/large":
			_, _ = io.WriteString(w, large)
		case "/slow":
			<-r.Context().Done()
		}
	}))
	defer s.CloseClientConnections()
	a := discovery.Address{Scheme: "http", HostPort: s.Listener.Addr().String()}
	ask := func(h *Host, r *http.Request) {
		go func() {
			if resp, err := h.Do(t.Context(), r, Exchange{}); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
	}
	watch := func(h *Host, d time.Duration) bool {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if h.Choked() {
				return true
			}
		}
		return false
	}
	slow := New(a, nil)
	ask(slow, get("/slow"))
	ask(slow, get("/large"))
	if watch(slow, stillness+time.Second) {
		t.Error("a slow backend is taken for a narrow way")
	}
	if out, err := exec.Command("iptables", "-A", "INPUT", "-p", "tcp", "-m", "length", "--length", "1400:65535", "-j", "DROP").CombinedOutput(); err != nil {
		t.Fatalf("iptables: %v\n%s", err, out)
	}
	download := New(a, nil)
	ask(download, get("/large"))
	if !watch(download, 3*stillness) {
		t.Error("large answers do not come, and it is not noticed")
	}
	upload := New(a, nil)
	ask(upload, post(strings.NewReader(large), int64(len(large))))
	if !watch(upload, 3*stillness) {
		t.Error("large requests do not arrive, and it is not noticed")
	}
	if watch(slow, stillness) {
		t.Error("of a connection that has only small packets, it is said, too")
	}
}
