package door

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// ended tells when what stop does is done.
func ended(stop func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { stop(); close(done) }()
	return done
}

// soon waits for it, not long.
func soon(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		t.Fatal("the door waits for nothing")
	}
}

func still(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
		t.Error(what)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestADoorThatCutsConnectionsWaitsForItsProxies(t *testing.T) {
	path := socketPath(t)
	old := startWhich(t, path, true, Entry{"web", "127.0.0.1:0"})
	address := old.address(t, "web")
	told, finish := make(chan struct{}), make(chan struct{})
	tell := sync.OnceFunc(func() { close(told) }) // the next door goes, too
	p := follow(t, path, "p", func(l *Listener) {
		l.Going = func(context.Context) {
			tell()
			<-finish
			l.LetGo(t.Context())
		}
	})
	follow(t, path, "q") // lets go at once
	done := ended(old.stop)
	<-told
	if _, err := Take(t.Context(), path, TCP, "web"); err == nil {
		t.Error("the door that goes still hands out sockets")
	}
	still(t, done, "the door did not wait")
	close(finish)
	soon(t, done)
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("the old socket still listens")
	}
	if !strings.Contains(old.log.String(), "waiting for the proxies") || strings.Contains(old.log.String(), "wait in its queue") {
		t.Errorf("the door's log: %s", old.log)
	}
	d := startWhich(t, path, true, Entry{"web", "127.0.0.1:0"})
	eventually(t, "both serve at the next door", func() bool {
		_, err := question(d.address(t, "web"))
		return err == nil && strings.Contains(d.log.String(), `"proxies":2`)
	})
	if !p.Taken() {
		t.Error("a proxy that had a socket is said to have had none")
	}
}

func TestADoorThatCutsConnectionsWaitsForAProxyThatHasClosedItsListener(t *testing.T) {
	d := startWhich(t, socketPath(t), true, Entry{"web", "127.0.0.1:0"})
	l := NewListener(d.path, "web", zerolog.Nop())
	l.Going = func(ctx context.Context) { <-ctx.Done() }
	ctx, finished := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	eventually(t, "it has the socket", l.Taken)
	l.Close() // what it accepted is still being answered
	done := ended(d.stop)
	still(t, done, "the door did not wait")
	finished()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
	soon(t, done)
}

func TestADoorThatCutsConnectionsDoesNotWaitForNobody(t *testing.T) {
	d := startWhich(t, socketPath(t), true, Entry{"web", "127.0.0.1:0"})
	asking, err := net.Dial(network, d.path) // and never asks
	if err != nil {
		t.Fatal(err)
	}
	defer asking.Close()
	taken, err := Take(t.Context(), d.path, TCP, "web")
	if err != nil {
		t.Fatal(err)
	}
	done := ended(d.stop)
	still(t, done, "the door did not wait")
	taken.Close() // the proxy crashes
	soon(t, done)
}

func TestADoorWaitsForEachOfItsEntryPoints(t *testing.T) {
	d := startWhich(t, socketPath(t), true, Entry{"web", "127.0.0.1:0"}, Entry{"other", "127.0.0.1:0"})
	var taken []*Taken
	for _, name := range []string{"web", "other"} {
		k, err := Take(t.Context(), d.path, TCP, name)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, k)
	}
	done := ended(d.stop)
	for _, k := range taken {
		if !k.Wait(t.Context()) {
			t.Error("one is not told that the door goes")
		}
	}
	taken[0].Close()
	still(t, done, "the door did not wait for the other one")
	taken[1].Close()
	soon(t, done)
}

// The engine kills a door whose stop_grace_period is over.
func TestAProxyDoesNotFinishForADoorThatHasGone(t *testing.T) {
	path := socketPath(t)
	ln, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
	if err != nil {
		t.Fatal(err)
	}
	told, gone := make(chan struct{}), make(chan struct{})
	l := NewListener(path, "web", zerolog.Nop())
	l.Going = func(ctx context.Context) {
		close(told)
		<-ctx.Done()
		l.LetGo(t.Context())
		close(gone)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	c, err := ln.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hear(c); err != nil {
		t.Fatal(err)
	}
	s, err := open(TCP, Entry{"web", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.send(c, []byte(ok+s.address)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has the socket", l.Taken)
	if _, err := c.Write([]byte(going)); err != nil {
		t.Fatal(err)
	}
	<-told
	still(t, gone, "it did not take its time")
	c.Close()
	soon(t, gone)
	ln.Close()
	start(t, path, Entry{"web", "127.0.0.1:0"})
	eventually(t, "it has the next door's socket", func() bool { ln, _ := l.socket(); return ln != nil })
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}
