package proxy

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// feed passes text through a guard, in pieces of the size, and returns what passed.
func feed(text string, size int) (string, error) {
	var g guard
	var passed strings.Builder
	for b := []byte(text); len(b) > 0; {
		n := min(size, len(b))
		m, err := g.pass(b[:n])
		passed.Write(b[:m])
		if err != nil {
			return passed.String(), err
		}
		b = b[n:]
	}
	return passed.String(), nil
}

func TestTheGuardPassesWhatIsInOrderHoweverItIsCut(t *testing.T) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\ncontent-length:\t3 \r\n\r\na\nbGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\n\n\n\r\nA ;x=\"y\"\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\n\n \n",
	} {
		for size := 1; size <= len(text); size++ {
			if got, err := feed(text, size); got != text || err != nil {
				t.Errorf("in pieces of %d: %q, %v", size, got, err)
			}
		}
	}
}

func TestTheGuardStopsBeforeTheEndOfALineAtFaultHoweverItIsCut(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, text := range []string{
		"GET / HTTP/1.1\n",
		"GET / HTTP/1.1\r\nHost: a\n",
		"GET / HTTP/1.1\r\nX: a\rb\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n",
		"GET / HTTP/1.1\r\n\tfolded\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\n",
		"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n",
		"GET / HTTP/1.1\r\nContent-Length: +1\r\n",
		"GET / HTTP/1.1\r\nContent-Length:\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n",
		"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n\r\n",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
		"PRI * HTTP/2.0\r\n",
		chunked + "0x1\r\n", chunked + "\r\n", chunked + ";x\r\n", chunked + "-1\r\n", chunked + "1_0\r\n", chunked + " 1\r\n", chunked + "1\n",
		chunked + "1;\x00\r\n", chunked + "8000000000000000\r\n", chunked + "1\r\nab\r\n", chunked + "0\r\n x\r\n", chunked + "0\r\n\n",
	} {
		for size := 1; size <= len(text); size++ {
			got, err := feed(text, size)
			var bad misframed
			if got != text[:len(text)-1] || !errors.As(err, &bad) {
				t.Errorf("%q in pieces of %d: passed %q, %v", text, size, got, err)
			}
		}
	}
}

// What the guard passes, net/http must delimit as the guard does; or else a request could hide in
// another's body.
func FuzzTheGuardDelimitsAsNetHTTPDoes(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	f.Add("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	f.Add("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	f.Add("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "upgrade") {
			return
		}
		passed, ends := requestEnds(text)
		src := strings.NewReader(passed)
		in := bufio.NewReader(src)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return // refused, or not whole
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			at := len(passed) - src.Len() - in.Buffered()
			if len(ends) == 0 || at != ends[0] {
				t.Fatalf("a request ends at %d for net/http, at %v for the guard", at, ends)
			}
			ends = ends[1:]
		}
	})
}

// requestEnds is what a guard passes of a text, and where in it requests end.
func requestEnds(text string) (passed string, ends []int) {
	var g guard
	for i := range len(text) {
		before := g.part
		if n, err := g.pass([]byte{text[i]}); n == 0 || err != nil {
			return text[:i], ends
		}
		if g.part == requestLine && before != requestLine {
			ends = append(ends, i+1)
		}
	}
	return text, ends
}
