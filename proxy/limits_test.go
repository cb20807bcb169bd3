package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestHeadsAreBounded(t *testing.T) {
	w := begin(t, "--entrypoints.web.http.maxheaderbytes=8192", "--entrypoints.web.http.maxheaders=20")
	var backend recorder
	w.see(discovery.Service{}, backend.task(t, 1))
	for name, c := range map[string]struct {
		sent   string
		status int
		ends   bool
	}{
		"as many fields as may be": {get + strings.Repeat("X: x\r\n", 20) + "\r\n", 200, false},
		"one field more":           {get + strings.Repeat("X: x\r\n", 21) + "\r\n", 431, true},
		"a long field":             {get + "X: " + strings.Repeat("x", 20000) + "\r\n\r\n", 431, true},
		"a long target":            {"GET /" + strings.Repeat("x", 20000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431, true},
		"a field without end":      {get + "X: " + strings.Repeat("x", 20000), 431, true},
	} {
		got, seen, ended := statuses(t, w, &backend, c.sent, 1)
		if len(got) != 1 || got[0] != c.status || ended != c.ends || (len(seen) > 0) != (c.status == 200) {
			t.Errorf("%s: %v, closed %v, the backend received %q", name, got, ended, seen)
		}
	}
}

func TestAHeadThatDoesNotComeWholeInTimeIsGivenUp(t *testing.T) { // "Slowloris", R. Hansen, 2009
	w := begin(t, "--entrypoints.web.transport.headtimeout=200ms")
	w.see(discovery.Service{}, replica(t, 1, nil))
	for _, begun := range []string{"", "GET", get, get + "\r\n" + get} {
		c, r := dial(t, w)
		send(t, c, begun)
		stop := make(chan struct{})
		go func() { // a byte now and then does not help
			defer close(stop)
			for {
				if _, err := io.WriteString(c, "X"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}()
		began := time.Now()
		rest, _ := io.ReadAll(r)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%q: held the connection for %v", begun, took)
		}
		if strings.Contains(string(rest), "200 OK") != strings.Contains(begun, "\r\n\r\n") {
			t.Errorf("%q: got %q", begun, rest)
		}
		c.Close()
		<-stop
	}
}

const silent = "--entrypoints.web.transport.silencetimeout=400ms"

func TestSilenceEndsAnUpload(t *testing.T) { // "R.U.D.Y.", slow bodies
	w := begin(t, silent)
	var backend recorder
	w.see(discovery.Service{}, backend.task(t, 1))
	for _, sent := range []string{
		post + "Content-Length: 10\r\n\r\nabc",
		post + "Content-Length: 10\r\n\r\n",
		post + "Transfer-Encoding: chunked\r\n\r\n3\r\na",
		"PUT / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10\r\n\r\nabc",
	} {
		got, seen, ended := statuses(t, w, &backend, sent, 1)
		if len(got) != 1 || got[0] != 408 || !ended {
			t.Errorf("%q: %v, closed %v", sent, got, ended)
		}
		for _, s := range seen {
			if s != "cut off" {
				t.Errorf("%q: the backend received %q", sent, s)
			}
		}
	}
}

func TestAnUploadMayTakeAsLongAsItMovesAndItsAnswerAsLongAsItLikes(t *testing.T) {
	w := begin(t, silent)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		time.Sleep(time.Second) // more than the client may be silent: nothing is due from it
		if err == nil && n == 10 {
			io.WriteString(rw, "whole")
		}
	}))
	for _, head := range []string{"Content-Length: 10", "Transfer-Encoding: chunked"} {
		c, r := dial(t, w)
		send(t, c, post+head+"\r\n\r\n")
		for range 10 {
			time.Sleep(100 * time.Millisecond)
			if strings.HasPrefix(head, "C") {
				send(t, c, "x")
			} else {
				send(t, c, "1\r\nx\r\n")
			}
		}
		if !strings.HasPrefix(head, "C") {
			send(t, c, "0\r\n\r\n")
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, resp.Body, "whole")
		c.Close()
	}
}

func TestTheReadTimeoutOfTraefikBoundsAWholeUpload(t *testing.T) {
	w := begin(t, "--entrypoints.web.transport.respondingtimeouts.readtimeout=300ms")
	var backend recorder
	w.see(discovery.Service{}, backend.task(t, 1))
	c, r := dial(t, w)
	send(t, c, post+"Content-Length: 1000\r\n\r\n")
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		for range 100 {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 408 {
		t.Errorf("%v, %v", resp, err)
	}
	c.Close()
	<-moved
}

func TestAClientThatTakesNothingLosesItsAnswer(t *testing.T) { // "slow read", S. Shekyan, 2012
	w := begin(t, silent)
	ended := make(chan error, 1)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		for {
			if _, err := rw.Write(make([]byte, 64<<10)); err != nil {
				ended <- err
				return
			}
		}
	}))
	c, _ := dial(t, w)
	send(t, c, get+"\r\n")
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the backend is still writing")
	}
}

func TestATunnelThatCarriesNothingEnds(t *testing.T) {
	w := begin(t, "--entrypoints.web.transport.tunnelidletimeout=300ms")
	w.see(discovery.Service{}, raw(t, 1, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for range 8 { // one direction is enough
			time.Sleep(100 * time.Millisecond)
			io.WriteString(c, "tick")
		}
		io.ReadAll(c)
	}))
	c, r := dial(t, w)
	send(t, c, get+"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	expect(t, r, strings.Repeat("tick", 8))
	if rest, err := io.ReadAll(r); len(rest) > 0 || errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("then %q, %v", rest, err)
	}
}

func TestBeyondTheLimitConnectionsWaitAndIdleOnesMakeRoom(t *testing.T) {
	w := begin(t, "--entrypoints.web.transport.maxconnections=2", "--entrypoints.web.transport.headtimeout=1h")
	arrived, finish := make(chan struct{}), make(chan struct{})
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- struct{}{}
			<-finish
		}
		io.WriteString(rw, "ok")
	}))
	first, firstReader := dial(t, w)
	second, secondReader := dial(t, w)
	for _, c := range []net.Conn{first, second} {
		send(t, c, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		<-arrived
	}
	third, thirdReader := dial(t, w)
	send(t, third, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := third.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if b, err := thirdReader.ReadByte(); err == nil {
		t.Fatalf("beyond the limit %q was answered", b)
	}
	if !strings.Contains(w.log.String(), "too many connections") {
		t.Error("nothing was logged")
	}
	if got := adminGet(t, w, "/healthy"); got != "healthy\n" {
		t.Errorf("a full proxy says %q", got)
	}
	close(finish) // both are answered, and one of them is idle then
	if err := third.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(thirdReader, nil)
	if err != nil {
		t.Fatalf("the third got %v", err)
	}
	expect(t, resp.Body, "ok")
	for _, r := range []io.Reader{firstReader, secondReader} {
		expect(t, r, "HTTP/1.1 200 OK\r\n")
	}
}
