package door

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// journal is a log that may be read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// eventually waits for what another goroutine does.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// a door that serves until stop, or the test's end.
type running struct {
	*Door
	log  *journal
	stop func()
}

func start(t *testing.T, path string, entries ...Entry) running {
	t.Helper()
	return startWhich(t, path, false, entries...)
}

func startWhich(t *testing.T, path string, cuts bool, entries ...Entry) running {
	t.Helper()
	r := running{log: &journal{}}
	d, err := Open(path, entries, cuts, zerolog.New(r.log))
	if err != nil {
		t.Fatal(err)
	}
	r.Door = d
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// address of a door's entry point, as clients reach it.
func (r running) address(t *testing.T, name string) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	h, err := r.hold(wish{TCP, name})
	if err != nil {
		t.Fatal(err)
	}
	return h.address
}

func socketPath(t *testing.T) string { return filepath.Join(t.TempDir(), "door.sock") }

// proxy is a Listener whose connections are each told its name.
type proxy struct {
	*Listener
	log    *journal
	served atomic.Int64
	stop   func() // closes the listener, and returns when all that was accepted has been served
}

func follow(t *testing.T, path, name string, edits ...func(*Listener)) *proxy {
	t.Helper()
	p := &proxy{log: &journal{}}
	p.Listener = NewListener(path, "web", zerolog.New(p.log))
	for _, edit := range edits {
		edit(p.Listener)
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	all.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	all.Go(func() {
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			p.served.Add(1)
			all.Go(func() { fmt.Fprint(c, name); c.Close() })
		}
	})
	p.stop = sync.OnceFunc(func() { p.Close(); cancel(); all.Wait() })
	t.Cleanup(p.stop)
	eventually(t, "the proxy has its socket", p.Taken)
	return p
}

// question connects, and returns the name of the proxy that answers.
func question(address string) (string, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	if err == nil && len(b) == 0 {
		err = io.ErrUnexpectedEOF
	}
	return string(b), err
}

// storm connects again and again from several clients until stop, which returns how many connections were
// answered; each that was not is an error.
func storm(t *testing.T, address func() string) (stop func() int64) {
	var all sync.WaitGroup
	var answered atomic.Int64
	quit := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				if _, err := question(address()); err != nil {
					t.Errorf("lost after %d: %v", answered.Load(), err)
					return
				}
				answered.Add(1)
			}
		})
	}
	eventually(t, "the load works", func() bool { return answered.Load() > 20 })
	return func() int64 { close(quit); all.Wait(); return answered.Load() }
}

func TestOneOfTwoProxiesLeavesAndNoConnectionIsLost(t *testing.T) {
	d := start(t, socketPath(t), Entry{"web", "127.0.0.1:0"})
	address := d.address(t, "web")
	first := follow(t, d.path, "first")
	stop := storm(t, func() string { return address })
	second := follow(t, d.path, "second")
	eventually(t, "both serve", func() bool { return first.served.Load() > 0 && second.served.Load() > 0 })
	first.stop()
	before := second.served.Load()
	eventually(t, "the other one goes on", func() bool { return second.served.Load() > before+20 })
	if n := stop(); n != first.served.Load()+second.served.Load() {
		t.Errorf("%d connections were answered, %d and %d served", n, first.served.Load(), second.served.Load())
	}
	eventually(t, "the door notices", func() bool { return strings.Contains(d.log.String(), "a proxy gave the socket back") })
}

func TestConnectionsWaitWhileNoProxyAccepts(t *testing.T) {
	d := start(t, socketPath(t), Entry{"web", "127.0.0.1:0"})
	address := d.address(t, "web")
	follow(t, d.path, "first").stop()
	eventually(t, "the door notices", func() bool { return strings.Contains(d.log.String(), "no proxy has the socket now") })
	var waiting []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		waiting = append(waiting, c)
	}
	follow(t, d.path, "second")
	for _, c := range waiting {
		if b, err := io.ReadAll(c); string(b) != "second" {
			t.Errorf("%q, %v", b, err)
		}
	}
}

func TestAProxyGoesOverToANewDoorAndEmptiesTheQueueOfTheOld(t *testing.T) {
	path := socketPath(t)
	old := start(t, path, Entry{"web", "127.0.0.1:0"})
	address := old.address(t, "web")
	l := NewListener(path, "web", zerolog.Nop())
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	eventually(t, "the proxy has the first socket", l.Taken)
	waiting, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	old.stop()
	d := start(t, path, Entry{"web", "127.0.0.1:0"})
	eventually(t, "the proxy has the second socket", func() bool { return strings.Contains(d.log.String(), "a proxy took the socket") })
	c, err := l.Accept()
	if err != nil || c.RemoteAddr().String() != waiting.LocalAddr().String() {
		t.Fatalf("%v, %v: not the connection that waited at the old door", c, err)
	}
	c.Close()
	fresh, err := net.Dial("tcp", d.address(t, "web"))
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if c, err = l.Accept(); err != nil || c.RemoteAddr().String() != fresh.LocalAddr().String() {
		t.Fatalf("%v, %v: not the connection to the new door", c, err)
	}
	c.Close()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("the old socket still listens")
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestADoorRestartsOnItsPortWhileProxiesServe(t *testing.T) {
	path := socketPath(t)
	old := start(t, path, Entry{"web", "127.0.0.1:0"})
	address := old.address(t, "web")
	p, q := follow(t, path, "p"), follow(t, path, "q")
	reached := func() error { _, err := question(address); return err }
	old.stop()
	for range 20 {
		if err := reached(); err != nil {
			t.Fatalf("without a door: %v", err)
		}
	}
	d := start(t, path, Entry{"web", address})
	eventually(t, "both have the new socket", func() bool { return strings.Contains(d.log.String(), `"proxies":2`) })
	eventually(t, "both have left the old socket", func() bool { return p.alone() && q.alone() })
	for range 20 {
		if err := reached(); err != nil {
			t.Fatalf("with the new door: %v", err)
		}
	}
	if !strings.Contains(p.log.String(), "the door has gone") || !strings.Contains(p.log.String(), "the door is back") {
		t.Errorf("the proxy's log: %s", p.log)
	}
}

// alone tells that the listener has no other socket than the current one.
func (l *Listener) alone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next == nil
}

func TestAProxyWaitsForItsFirstDoor(t *testing.T) {
	path := socketPath(t)
	log := &journal{}
	l := NewListener(path, "web", zerolog.New(log))
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	eventually(t, "it says so", func() bool { return strings.Contains(log.String(), "waiting for the door") })
	start(t, path, Entry{"Web", "127.0.0.1:0"})
	eventually(t, "it has the socket", l.Taken)
	if n := strings.Count(log.String(), "waiting"); n > 2 { // no such file; then perhaps nobody who accepts yet
		t.Errorf("said %d times:\n%s", n, log)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestClosingAListenerEndsItsAccept(t *testing.T) {
	d := start(t, socketPath(t), Entry{"web", "127.0.0.1:0"})
	for _, path := range []string{d.path, socketPath(t)} { // with a socket, and without
		l := NewListener(path, "web", zerolog.Nop())
		ran, accepted := make(chan error, 1), make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ran <- l.Run(ctx) }()
		go func() { _, err := l.Accept(); accepted <- err }()
		if path == d.path {
			eventually(t, "it has the socket", l.Taken)
		}
		l.Close()
		if err := <-accepted; !strings.Contains(fmt.Sprint(err), "closed") {
			t.Errorf("Accept: %v", err)
		}
		if path == d.path {
			cancel() // with a door it waits for this
		}
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		cancel()
	}
}

func TestADoorRefusesWithTheReasonAndGoesOn(t *testing.T) {
	d := start(t, socketPath(t), Entry{"web", "127.0.0.1:0"}, Entry{"admin2", "127.0.0.1:0"})
	for packet, want := range map[string]string{
		"fairlead-door 1 tcp wbe":            "no entry point wbe, only web, admin2",
		"fairlead-door 1 sctp web":           "there are sockets of tcp and udp",
		"fairlead-door 1 tcp":                "there are sockets of tcp and udp",
		"fairlead-door 2 tcp web":            "version 1, the proxy \"2\": run both from the same image",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":  "no question of a proxy",
		strings.Repeat("x", 3*longest):       "no question of a proxy",
		"\x00\xff":                           "no question of a proxy",
		"fairlead-door 1 tcp " + "web\nok x": "no entry point",
	} {
		c, err := net.Dial(network, d.path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(packet)); err != nil {
			t.Fatal(err)
		}
		answer, file, err := receive(c.(*net.UnixConn))
		if file != nil || err != nil || !strings.HasPrefix(answer, no) || !strings.Contains(answer, want) {
			t.Errorf("%.40q: %q, %v, %v; want %q", packet, answer, file, err, want)
		}
		c.Close()
	}
	if _, err := Take(t.Context(), d.path, TCP, "wbe"); err == nil || !strings.Contains(err.Error(), "--entrypoints.wbe.address") {
		t.Errorf("Take: %v", err)
	}
	if !strings.Contains(d.log.String(), "refused a socket") {
		t.Errorf("the log: %s", d.log)
	}
	if err := Look(t.Context(), d.path); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestOnlyTheDoorsOwnUserAndRootMayTakeSockets(t *testing.T) {
	const helper = "DOOR_OF_THE_TEST"
	if path := os.Getenv(helper); path != "" { // the stranger
		_, err := Take(t.Context(), path, TCP, "web")
		fmt.Printf("answer: %v\n", err)
		return
	}
	dir, err := os.MkdirTemp("", "door") // that of t lets no stranger in
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	exe := filepath.Join(dir, "stranger")
	if b, err := os.ReadFile(os.Args[0]); err != nil || os.WriteFile(exe, b, 0o755) != nil || os.Chmod(dir, 0o755) != nil {
		t.Fatal("the test cannot be copied to where strangers can run it: ", err)
	}
	d := start(t, filepath.Join(dir, "door.sock"), Entry{"web", "127.0.0.1:0"})
	stranger := exec.CommandContext(t.Context(), exe, "-test.run", "^"+t.Name()+"$")
	stranger.Env, stranger.Dir = append(os.Environ(), helper+"="+d.path), "/"
	if os.Geteuid() == 0 {
		stranger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	} else {
		d.uid++ // a door of somebody else
	}
	out, err := stranger.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "and of root may take sockets, not of user") {
		t.Errorf("%v: %s", err, out)
	}
	if !strings.Contains(d.log.String(), "refused a socket") {
		t.Errorf("the log: %s", d.log)
	}
}

func TestASocketOfUDPIsHandedOverToo(t *testing.T) {
	d := start(t, socketPath(t), Entry{"web", "127.0.0.1:0"})
	var conns [2]net.PacketConn
	var address string
	for i := range conns {
		taken, err := Take(t.Context(), d.path, UDP, "web")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		if conns[i], err = taken.PacketConn(); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		if i == 1 && taken.Address != address {
			t.Errorf("two sockets: %s and %s", taken.Address, address)
		}
		address = taken.Address
	}
	client, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conns[0].Close() // one proxy leaves; the socket lives
	fmt.Fprint(client, "hello")
	buf := make([]byte, 10)
	n, from, err := conns[1].ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	if _, err := conns[1].WriteTo([]byte("bye"), from); err != nil {
		t.Fatal(err)
	}
	if n, err := client.Read(buf); string(buf[:n]) != "bye" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if taken, err := Take(t.Context(), d.path, UDP, "web"); err != nil {
		t.Error(err)
	} else if _, err := taken.Listener(); err == nil {
		t.Error("a socket of UDP passed for a listening one")
	}
}

func TestWhatADoorCannotOpenIsNamedWithTheCure(t *testing.T) {
	d := start(t, socketPath(t), Entry{"web", "127.0.0.1:0"})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		path    string
		address string
		want    string
	}{
		{d.path, "127.0.0.1:0", "another door serves " + d.path},
		{"/nowhere/door.sock", "127.0.0.1:0", "/nowhere must be a volume that door and proxies share"},
		{socketPath(t), taken.Addr().String(), "set --entrypoints.web.address to another port"},
		{socketPath(t), "256.0.0.1:80", "entry point web: listen on 256.0.0.1:80"},
	} {
		if _, err := Open(c.path, []Entry{{"web", c.address}}, false, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestTheSocketThatACrashedDoorLeftIsReplaced(t *testing.T) {
	path := socketPath(t)
	crashed, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
	if err != nil {
		t.Fatal(err)
	}
	crashed.SetUnlinkOnClose(false)
	crashed.Close()
	d := start(t, path, Entry{"web", "127.0.0.1:0"})
	if err := Look(t.Context(), path); err != nil {
		t.Error(err)
	}
	d.stop()
	if _, err := os.Stat(path); err == nil {
		t.Error("a door that ended in order left its socket behind")
	}
}

func TestAStrangeDoorIsNotTakenForOne(t *testing.T) {
	for answer, want := range map[string]string{
		"ok [::]:80":        "it sent no socket",
		"HTTP/1.1 200 OK":   "no door of Fairlead is there",
		"no entry for ants": "entry for ants",
	} {
		path := socketPath(t)
		ln, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := ln.AcceptUnix(); err == nil {
				_, _ = c.Write([]byte(answer))
				_, _ = c.Read(make([]byte, longest))
				c.Close()
			}
		}()
		if _, err := Take(t.Context(), path, TCP, "web"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", answer, err)
		}
		ln.Close()
	}
}

func FuzzADoorParsesAnything(f *testing.F) {
	for _, s := range []string{"fairlead-door 1 tcp web", "fairlead-door 1 look", "", " ", "fairlead-door 2 x", "fairlead-door 1 udp \x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, packet string) {
		w, err := parse(packet)
		if err == nil && w != (wish{}) && (w.network != TCP && w.network != UDP || w.name == "") {
			t.Errorf("%q became %+v", packet, w)
		}
		if err != nil && len(err.Error()) > longest-len(no) {
			t.Errorf("%q: a reason of %d bytes does not fit into a packet", packet, len(err.Error()))
		}
	})
}
