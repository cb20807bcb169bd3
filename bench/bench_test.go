//go:build linux

package main

import (
	"bytes"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// loopAndBackends are what a run has.
func loopAndBackends(t *testing.T, n int) (*loop, []*backend) {
	t.Helper()
	l, err := newLoop()
	if err != nil {
		t.Fatal(err)
	}
	all, err := startBackends(l, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for fd := range l.handlers {
			l.close(int(fd))
		}
	})
	return l, all
}

func TestEachScenarioIsAnsweredWholeByABackendWithoutAProxy(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			l, backends := loopAndBackends(t, 1)
			d, err := open(l, backends[0].port, s)
			if err != nil {
				t.Fatal(err)
			}
			defer d.close()
			if err := d.start(); err != nil {
				t.Fatal(err)
			}
			if err := d.run(10*time.Second, func() bool { return d.answered >= 3*s.conns }); err != nil {
				t.Fatal(err)
			}
			if d.answered < 3*s.conns || d.backends() != 1 {
				t.Errorf("%d answers of %d backends", d.answered, d.backends())
			}
		})
	}
}

func TestALoadWithARateAsksNoMoreOftenThanThat(t *testing.T) {
	l, backends := loopAndBackends(t, 1)
	d, err := open(l, backends[0].port, scenario{target: small, size: smallSize, conns: 4, rate: 1000, total: 30})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	if err := d.run(10*time.Second, func() bool { return d.answered == 30 }); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(d.began); d.answered != 30 || took < 30*time.Millisecond {
		t.Errorf("%d answers in %v", d.answered, took)
	}
	if err := d.run(10*time.Millisecond, never); err != nil || d.answered != 30 {
		t.Errorf("%d answers after the total of 30, error %v", d.answered, err)
	}
}

// answerWith is a backend that answers each request with the next text, and ends after one that is
// not whole.
func answerWith(t *testing.T, texts ...string) (port int) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for _, text := range texts {
			if _, err := c.Read(make([]byte, 4096)); err != nil {
				return
			}
			if _, err := c.Write([]byte(text)); err != nil || !strings.Contains(text, "\r\n\r\n") {
				return
			}
		}
		_, _ = c.Read(make([]byte, 4096)) // until the client has gone
	}()
	return ln.Addr().(*net.TCPAddr).Port
}

func TestAWrongAnswerEndsTheRun(t *testing.T) {
	const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nAx"
	tests := []struct {
		name, want string
		answers    []string
	}{
		{"an error", `answered "HTTP/1.1 502 Bad Gateway"`, []string{"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno"}},
		{"another length", "answered 3 bytes, want 2", []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nAxx"}},
		{"a length that is not kept", "the length is not kept", []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}},
		{"more than the length", "1 bytes behind the end", []string{fine + "x"}},
		{"a session that moves", "a session of backend A was answered by B", []string{fine, strings.Replace(fine, "Ax", "Bx", 1)}},
		{"an end", errGone.Error(), []string{"HTTP/1.1 200 OK\r\n"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l, _ := loopAndBackends(t, 1)
			d, err := open(l, answerWith(t, test.answers...), scenario{target: small, size: 2, conns: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer d.close()
			if err := d.start(); err != nil {
				t.Fatal(err)
			}
			if err := d.run(10*time.Second, never); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestAClientSendsTheCookieThatItWasGiven(t *testing.T) {
	l, _ := loopAndBackends(t, 1)
	port := answerWith(t, "HTTP/1.1 200 OK\r\nset-cookie: sid=abc; Path=/; HttpOnly\r\nContent-Length: 2\r\n\r\nAx")
	d, err := open(l, port, scenario{target: small, size: 2, conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	if err := d.run(10*time.Second, func() bool { return d.answered > 0 }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(d.clients[0].request, []byte("\r\nCookie: x=session0; sid=abc\r\n")) {
		t.Errorf("the request is %q", d.clients[0].request)
	}
}

func TestAMessageMayComeInAnyPieces(t *testing.T) {
	const text = "POST /small HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\n\r\nhello"
	for size := 1; size <= len(text); size++ {
		var m message
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			whole, err := m.feed([]byte(rest[:n]))
			if rest = rest[n:]; err != nil || whole != (rest == "") {
				t.Fatalf("in pieces of %d, with %d to come: whole %v, error %v", size, len(rest), whole, err)
			}
		}
		if m.target() != small || string(m.field("Host")) != "a" || m.first != 'h' {
			t.Errorf("in pieces of %d: target %q, host %q, first %q", size, m.target(), m.field("Host"), m.first)
		}
	}
}

func TestProcIsReadAsItsManualSays(t *testing.T) {
	used, err := parseStat("7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 7 9 20 0 1 0 5 0 0")
	if err != nil || used != 2*time.Second {
		t.Errorf("a process used %v, error %v", used, err)
	}
	if _, err := parseStat("7 (a) S 1"); err == nil {
		t.Error("half a line was taken")
	}
	used, err = parseCore("100 10 50 9000 900 5 15 20 3 3")
	if err != nil || used != 2*time.Second {
		t.Errorf("a core was used %v, error %v", used, err)
	}
	if _, err := parseCore(""); err == nil {
		t.Error("a core that is not there was read")
	}
}

func TestAProcessIsReadWithItsChildren(t *testing.T) {
	p := &peer{name: "sleeping", write: func(*peer, []int) string { return "" }, file: "none",
		command: func(*peer) []string { return []string{"sh", "-c", "sleep 60 & sleep 60; wait"} }}
	if err := p.launch(t.TempDir(), 0, nil); err != nil {
		t.Skipf("taskset: %v", err)
	}
	pid := p.cmd.Process.Pid
	defer func() {
		for _, child := range family(pid)[1:] {
			if process, err := os.FindProcess(child); err == nil {
				_ = process.Kill()
			}
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	for deadline := time.Now().Add(10 * time.Second); len(family(pid)) < 3; {
		if time.Now().After(deadline) {
			t.Fatalf("the family of %d is %v", pid, family(pid))
		}
	}
	if kb, err := resident(pid); err != nil || kb < 3*100 {
		t.Errorf("%d KB, error %v", kb, err)
	}
	if _, err := cpuTime(pid); err != nil {
		t.Error(err)
	}
}

func TestTheReportGivesRatiosOfMediansOfTheCalmerHalf(t *testing.T) {
	all := []*peer{{name: "Fairlead", version: []string{"true"}}, {name: baseline, version: []string{"true"}}}
	r := newResults(plan{rounds: 6, length: time.Second, command: "bench/run"}, all)
	for i, p := range all {
		for s := range scenarios {
			for k, us := range []int{90, 400, 30, 500, 60, 600} {
				x := reading{cpu: time.Duration(us/(i+1)) * time.Microsecond, rate: 1000, busy: 0.5, others: 0.1}
				if k%2 == 1 {
					x.others = 0.3
				}
				r.readings[p][s] = append(r.readings[p][s], x)
			}
		}
		r.footprints[p] = []footprint{{start: 10 << 10 << i, perIdle: 8}}
	}
	got := r.markdown()
	for _, want := range []string{
		"| CPU time a request | Fairlead | nginx | Fairlead ÷ nginx |\n|---|--:|--:|--:|\n",
		"| " + scenarios[0].name + " | 60.0 µs | 30.0 µs | 2.00 |\n",
		"| memory after the start, MB | 10.0 | 20.0 | 0.50 |\n",
		"| " + scenarios[0].name + " | 1000; 50 % | 1000; 50 % |\n",
		"6 rounds of 1s; medians of the calmer half, in which other processes took 10 % of the proxies' core (at most 10 %)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
}

func TestConfigurationsNameEachBackendOnce(t *testing.T) {
	for _, p := range peers("fairlead") {
		p.path, p.port = "/somewhere/"+p.file, 8000
		text := p.write(p, []int{9001, 9002, 9003})
		for _, port := range []int{9001, 9002, 9003} {
			if n := strings.Count(text, "127.0.0.1:"+strconv.Itoa(port)); n != 1 {
				t.Errorf("%s names the backend at %d %d times:\n%s", p.name, port, n, text)
			}
		}
		if strings.Contains(text, "%!") {
			t.Errorf("%s: bad format:\n%s", p.name, text)
		}
	}
}
