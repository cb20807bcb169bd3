package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// dial opens a raw connection to the proxy that fails the test rather than hang.
func dial(t *testing.T, w *world) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr("web").String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), bufio.NewReader(c)
}

func send(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); string(got) != want {
		t.Fatalf("read %q (%v), want %q", got[:n], err, want)
	}
}

func TestEventsArriveWhileTheAnswerGoesOn(t *testing.T) {
	w := begin(t)
	next := make(chan string)
	for name, head := range map[string]string{"chunked": "", "of known length": "12"} {
		backend := replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			if head != "" {
				rw.Header().Set("Content-Length", head)
			}
			for event := range next {
				io.WriteString(rw, event)
				rw.(http.Flusher).Flush()
				if event == "last\n\n" {
					return
				}
			}
		})
		backend.ID = name
		w.see(discovery.Service{}, backend)
		go func() { next <- "1st..\n" }()
		resp, err := http.Get(w.url())
		if err != nil {
			t.Fatal(err)
		}
		expect(t, resp.Body, "1st..\n")
		next <- "last\n\n"
		expect(t, resp.Body, "last\n\n")
		resp.Body.Close()
	}
}

func TestTheHeadOfAnAnswerDoesNotWaitForItsFirstByte(t *testing.T) {
	w := begin(t)
	finish := make(chan struct{})
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(200)
		rw.(http.Flusher).Flush()
		<-finish
	}))
	resp, err := http.Get(w.url()) // returns with the head
	if err != nil {
		t.Fatal(err)
	}
	close(finish)
	resp.Body.Close()
}

func TestBodiesStreamBothWaysAtOnce(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(rw)
		rc.EnableFullDuplex()
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(rw, "echo "+line)
			rc.Flush()
		}
	}))
	c, r := dial(t, w)
	send(t, c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, resp.Body, "echo one\n")
	send(t, c, "4\r\ntwo\n\r\n")
	expect(t, resp.Body, "echo two\n")
	send(t, c, "0\r\n\r\n")
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("then %q, %v", rest, err)
	}
}

func TestTrailersGoThroughBothWays(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Trailer", "X-Sum")
		io.Copy(rw, r.Body)
		rw.Header().Set("X-Sum", "of "+r.Trailer.Get("X-Asked"))
		rw.Header().Set(http.TrailerPrefix+"X-Unannounced", "too")
	}))
	c, r := dial(t, w)
	send(t, c, "POST / HTTP/1.1\r\nHost: a\r\nTe: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Asked\r\n\r\n2\r\nhi\r\n0\r\nX-Asked: this\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(resp.Body); string(text) != "hi" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if resp.Trailer.Get("X-Sum") != "of this" || resp.Trailer.Get("X-Unannounced") != "too" {
		t.Errorf("trailers %v", resp.Trailer)
	}
}

func TestATunnelCarriesBytesBothWaysAndPassesEachEndOn(t *testing.T) {
	w := begin(t)
	w.see(stickily, raw(t, 1, func(c net.Conn) {
		in := bufio.NewReader(c)
		r, err := http.ReadRequest(in)
		if err != nil || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-Websocket-Key") != "k" {
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\nhello")
		all, _ := io.ReadAll(in) // until the client ends its side
		fmt.Fprintf(c, "got %s", all)
	}))
	c, r := dial(t, w)
	send(t, c, "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\nearly ")
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Sec-Websocket-Accept") != "a" || len(resp.Cookies()) != 1 {
		t.Fatalf("%v, %v", resp, err)
	}
	expect(t, r, "hello")
	send(t, c, "and late")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); string(rest) != "got early and late" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestA101ThatNobodyAskedForIsABadGateway(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, raw(t, 1, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
	}))
	for _, asked := range []string{"", "Connection: Upgrade\r\nUpgrade: websocket\r\n"} {
		c, r := dial(t, w)
		send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n"+asked+"\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 502 {
			t.Errorf("%q: %v, %v", asked, resp, err)
		}
		c.Close()
	}
}

func TestExpectContinueWorksEndToEnd(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			rw.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		body, _ := io.ReadAll(r.Body)
		rw.Write(body)
	}))
	c, r := dial(t, w)
	send(t, c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	expect(t, r, "HTTP/1.1 100 Continue\r\n\r\n")
	send(t, c, "body")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, resp.Body, "body")
	c, r = dial(t, w)
	send(t, c, "POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%v, %v", resp, err)
	}
}

func TestEarlyHintsGoThroughButNotToOldClients(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Link", "</style.css>")
		rw.WriteHeader(http.StatusEarlyHints)
		rw.Header().Del("Link")
		io.WriteString(rw, "page")
	}))
	for proto, hints := range map[string]bool{"HTTP/1.1": true, "HTTP/1.0": false} {
		c, r := dial(t, w)
		send(t, c, "GET / "+proto+"\r\nHost: a\r\nConnection: close\r\n\r\n")
		all, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		head, final, _ := strings.Cut(string(all), " 200 OK\r\n")
		if strings.Contains(head, " 103 ") != hints || strings.Contains(final, "style.css") || !strings.HasSuffix(final, "page") {
			t.Errorf("%s: %q", proto, all)
		}
		c.Close()
	}
}

func TestAClientThatBreaksATunnelOffIsNobodysFailure(t *testing.T) {
	w := begin(t)
	ended := make(chan struct{})
	w.see(discovery.Service{}, raw(t, 1, func(c net.Conn) {
		defer close(ended)
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(io.Discard, c)
	}))
	c, r := dial(t, w)
	send(t, c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	if err := c.SetLinger(0); err != nil { // a reset
		t.Fatal(err)
	}
	c.Close()
	<-ended
	for !strings.Contains(w.log.String(), "request failed") {
		time.Sleep(time.Millisecond)
	}
	if strings.Contains(w.log.String(), `"level":"warn"`) {
		t.Error("it was logged as a failure")
	}
}

func TestFieldsOfAConnectionDoNotReachHTTP2(t *testing.T) {
	w := begin(t)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Proto, " ", r.Header.Get("Te"), r.Header.Get("Connection"), r.Header.Get("Upgrade"))
	})}
	served := make(chan error)
	go func() { served <- backend.Serve(ln) }()
	defer func() { backend.Close(); <-served }()
	grpc := task(1, ln.Addr().String())
	grpc.Address.Scheme = "h2c"
	w.see(discovery.Service{}, grpc)
	for _, fields := range []string{"Te: trailers\r\n", "Te: trailers\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"} {
		c, r := dial(t, w)
		send(t, c, "GET / HTTP/1.1\r\nHost: a\r\n"+fields+"\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%q: %v, %v", fields, resp, err)
			continue
		}
		expect(t, resp.Body, "HTTP/2.0 trailers")
		c.Close()
	}
}

func TestABackendThatBreaksUnderAnUploadIsLookedAfter(t *testing.T) {
	w := begin(t)
	connected := make(chan struct{}, 10)
	w.see(discovery.Service{}, raw(t, 1, func(c net.Conn) {
		connected <- struct{}{}
		c.Read(make([]byte, 4096))
		c.(*net.TCPConn).SetLinger(0) // a reset
	}), replica(t, 2, nil))
	for {
		c, r := dial(t, w)
		send(t, c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegun")
		select {
		case <-connected:
		case <-time.After(100 * time.Millisecond): // the other one was taken
			c.Close()
			continue
		}
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 502 {
			t.Errorf("%v, %v", resp, err)
		}
		break
	}
	select {
	case <-connected: // dialled aside
	case <-time.After(10 * time.Second):
		t.Error("nobody looked whether it still takes connections")
	}
}
