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

// heedless is a backend that answers as soon as it has a request's head, and goes. It tells the
// target of each.
func heedless(t *testing.T) (discovery.Task, <-chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	asked := make(chan string, 10)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nheedless")
					asked <- r.RequestURI
				}
			}()
		}
	}()
	return task(1, ln.Addr().String()), asked
}

// wait is for what a backend was asked.
func wait(t *testing.T, asked <-chan string) {
	t.Helper()
	select {
	case <-asked:
	case <-time.After(5 * time.Second):
		t.Fatal("the backend was not asked")
	}
}

func mustAnswer(t *testing.T, r *bufio.Reader) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || string(text) != "heedless" {
		t.Fatalf("%s %v: %s", resp.Status, err, text)
	}
}

func TestABodyThatTheBackendDidNotWantCostsTheClientNoConnection(t *testing.T) {
	w := begin(t)
	backend, asked := heedless(t)
	w.see(discovery.Service{}, backend)
	rest := strings.Repeat("x", 100<<10) // more than is read at once
	for name, parts := range map[string][2]string{
		"a length": {fmt.Sprintf("Content-Length: %d\r\n\r\n", 5+len(rest)) + "01234", rest},
		"chunks":   {"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(rest), rest)},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := dial(t, w)
			for range 20 {
				fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\n"+parts[0])
				wait(t, asked)
				fmt.Fprint(c, parts[1])
				mustAnswer(t, r)
			}
		})
	}
	if strings.Contains(w.log.String(), "panic") {
		t.Error("the server panicked")
	}
}

func TestTheRestOfABodyIsNeverTakenForARequest(t *testing.T) {
	w := begin(t)
	backend, asked := heedless(t)
	w.see(discovery.Service{}, backend)
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, parts := range map[string][2]string{
		"a length": {fmt.Sprintf("Content-Length: %d\r\n\r\n", 5+len(smuggled)) + "01234", smuggled},
		"chunks":   {fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n%x\r\n", len(smuggled)), smuggled},
	} {
		t.Run(name, func(t *testing.T) {
			c, r := dial(t, w)
			fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\n"+parts[0])
			wait(t, asked)
			mustAnswer(t, r)
			fmt.Fprint(c, parts[1])
			if text, _ := io.ReadAll(r); len(text) > 0 {
				t.Errorf("the rest of the body was answered: %s", text)
			}
			select {
			case target := <-asked:
				t.Errorf("the rest of the body reached the backend as a request for %s", target)
			default:
			}
		})
	}
}
