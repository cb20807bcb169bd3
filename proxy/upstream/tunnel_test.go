package upstream

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func upgrade(protocols string) *http.Request {
	r := get("/ws")
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {protocols}}
	return r
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n"

func TestATunnelGoesBothWaysAndEndsHalfByHalf(t *testing.T) {
	last := make(chan string, 1)
	h := New(listen(t, func(p *peer) {
		if head := p.head(); !strings.Contains(head, "Upgrade: foo, websocket\r\n") || !strings.Contains(head, "Connection: Upgrade\r\n") {
			t.Errorf("head is %q", head)
		}
		p.say(switching + "at once\n")
		line, _ := p.in.ReadString('\n')
		p.say("echo " + line)
		rest, _ := io.ReadAll(p.in)
		last <- string(rest)
		p.say("after your end")
	}), nil)
	resp, err := h.Do(t.Context(), upgrade("foo, websocket"), Exchange{})
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "WebSocket" {
		t.Fatal(resp, err)
	}
	tun := resp.Body.(Tunnel)
	in := bufio.NewReader(tun)
	if s, err := in.ReadString('\n'); s != "at once\n" {
		t.Fatalf("read %q, %v", s, err)
	}
	_, _ = io.WriteString(tun, "hello\n")
	if s, err := in.ReadString('\n'); s != "echo hello\n" {
		t.Fatalf("read %q, %v", s, err)
	}
	_, _ = io.WriteString(tun, "bye")
	if err := tun.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if s := soon(t, last, "our end"); s != "bye" {
		t.Errorf("the backend got %q", s)
	}
	if s, err := io.ReadAll(in); string(s) != "after your end" || err != nil {
		t.Errorf("read %q, %v", s, err)
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	if kept(h) != 0 {
		t.Error("the connection was kept")
	}
}

func TestATunnelEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := New(listen(t, func(p *peer) { p.head(); p.say(switching); p.waitEnd() }), nil)
	resp, err := h.Do(ctx, upgrade("websocket"), Exchange{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.ReadAll(resp.Body)
	resp.Body.Close()
	wantError(t, err, Answered, OpContext)
}

func TestASwitchThatDoesNotMatchIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ ask, raw string }{
		"another protocol":    {"websocket", strings.Replace(switching, "WebSocket", "h2c", 1)},
		"no protocol":         {"websocket, ", strings.Replace(switching, "Upgrade: WebSocket\r\n", "", 1)},
		"two protocols":       {"websocket, foo", strings.Replace(switching, "WebSocket", "websocket, foo", 1)},
		"no Connection field": {"websocket", strings.Replace(switching, "Connection: upgrade\r\n", "", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ask(t, New(answers(t, c.raw), nil), upgrade(c.ask))
			wantError(t, err, Answered, OpAnswer)
		})
	}
	r := upgrade("websocket")
	delete(r.Header, "Connection")
	_, _, err := ask(t, New(answers(t, switching), nil), r)
	wantError(t, err, Answered, OpAnswer)
	r = upgrade("websocket")
	f := newFeed()
	r.Body, r.ContentLength = io.NopCloser(f), 3
	_, _, err = ask(t, New(listen(t, func(p *peer) { p.head(); p.say(switching); p.waitEnd() }), nil), r)
	wantError(t, err, Answered, OpAnswer)
}

func TestAnUpgradeThatIsNotTakenIsAnOrdinaryRequest(t *testing.T) {
	h := New(answers(t, ok+"Content-Length: 1\r\n\r\na"), nil)
	defer h.Drain()
	if body := mustAsk(t, h, upgrade("websocket")); body != "a" || kept(h) != 1 {
		t.Errorf("body %q, %d connections kept", body, kept(h))
	}
}
