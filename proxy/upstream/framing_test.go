package upstream

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

const ok = "HTTP/1.1 200 OK\r\n"

// Each is sent to a GET, unless the method says otherwise, and the connection stays open.
var wholeAnswers = []struct {
	name, method, raw string
	body              string
	reused            bool
}{
	{"9112 6.3 item 1: HEAD has no body whatever its Content-Length", "HEAD", ok + "Content-Length: 5\r\n\r\n", "", true},
	{"9112 6.3 item 1: HEAD has no body whatever its Transfer-Encoding", "HEAD", ok + "Transfer-Encoding: chunked\r\n\r\n", "", true},
	{"9112 6.3 item 1: HEAD without a length", "HEAD", ok + "\r\n", "", true},
	{"9112 6.3 item 1: 204 has no body", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", true},
	{"9112 6.3 item 1: 204 that says that it has none", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "", true},
	{"9110 8.6: 204 with a length is the connection's last", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "", false},
	{"9112 6.1: 204 with a coding is the connection's last", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "", false},
	{"9112 6.3 item 1: 304 has no body whatever its Content-Length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", true},
	{"9112 6.3 item 4: chunked", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", true},
	{"9112 7: codings are compared in any case", "GET", ok + "transfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "a", true},
	{"9112 7.1: sizes are hexadecimal, zeros may lead", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\n000\r\n\r\n", "0123456789", true},
	{"9112 7.1.1: unknown extensions are ignored", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n", "x", true},
	{"9112 6.3 item 6: Content-Length", "GET", ok + "Content-Length: 5\r\n\r\nabcde", "abcde", true},
	{"9112 6.3 item 6: Content-Length zero", "GET", ok + "Content-Length: 0\r\n\r\n", "", true},
	{"9112 9.3: close", "GET", ok + "Content-Length: 1\r\nConnection: foo, Close\r\n\r\na", "a", false},
	{"9112 9.3: HTTP/1.0 does not persist", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "a", false},
	{"9112 9.3: HTTP/1.0 with keep-alive does", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na", "a", true},
	{"9112 9.3: unread bytes after the answer", "GET", ok + "Content-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n", "a", false},
	{"9112 9.3: unread bytes after the last chunk", "GET", ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", "", false},
	{"9112 4: no reason and no space before it", "GET", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", "a", true},
	{"9112 4: a reason with octets beyond ASCII", "GET", "HTTP/1.1 200 d\xe9j\xe0 vu\r\nContent-Length: 0\r\n\r\n", "", true},
	{"9112 5: no space after the colon, and much", "GET", ok + "Content-Length:1\r\nA: \t b \t\r\nB:\r\n\r\na", "a", true},
}

func TestAnAnswerEndsWhereRFC9112Says(t *testing.T) {
	for _, c := range wholeAnswers {
		t.Run(c.name, func(t *testing.T) {
			h := New(answers(t, c.raw), nil)
			defer h.Drain()
			r := get("/")
			r.Method = c.method
			_, body, err := ask(t, h, r)
			if err != nil || body != c.body {
				t.Fatalf("body %q, error %v; want %q", body, err, c.body)
			}
			if reused := kept(h) == 1; reused != c.reused {
				t.Errorf("connection kept: %v, want %v", reused, c.reused)
			}
		})
	}
}

func TestAnAnswerWithoutLengthEndsWithItsConnection(t *testing.T) {
	for _, version := range []string{"HTTP/1.0", "HTTP/1.1"} {
		h := New(listen(t, func(p *peer) { p.request(); p.say(version + " 200 OK\r\n\r\nabc") }), nil)
		resp, body, err := ask(t, h, get("/"))
		if err != nil || body != "abc" || resp.ContentLength != -1 || !resp.Close {
			t.Errorf("%s: body %q, error %v, length %d, close %v", version, body, err, resp.ContentLength, resp.Close)
		}
		if kept(h) != 0 {
			t.Errorf("%s: the connection was kept", version)
		}
	}
}

const chunkedOK = ok + "Transfer-Encoding: chunked\r\n\r\n"

var badAnswers = []struct{ name, raw string }{
	{"9112 6.3 item 3: Transfer-Encoding with Content-Length", ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"},
	{"9112 6.3 item 3: Content-Length with Transfer-Encoding", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"9112 6.3 item 5: two lengths that differ", ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
	{"9112 6.3 item 5: two lengths alike", ok + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
	{"9112 6.3 item 5: two lengths in spellings that differ", ok + "content-length: 3\r\nCONTENT-LENGTH: 4\r\n\r\nabcd"},
	{"9112 6.3 item 5: a list of lengths", ok + "Content-Length: 3, 3\r\n\r\nabc"},
	{"9112 6.3 item 5: a sign", ok + "Content-Length: +3\r\n\r\nabc"},
	{"9112 6.3 item 5: a negative length", ok + "Content-Length: -1\r\n\r\nabc"},
	{"9112 6.3 item 5: hexadecimal", ok + "Content-Length: 0x3\r\n\r\nabc"},
	{"9112 6.3 item 5: a length with a space in it", ok + "Content-Length: 1 2\r\n\r\nabc"},
	{"9112 6.3 item 5: an empty length", ok + "Content-Length:\r\n\r\nabc"},
	{"9112 6.3 item 5: a length beyond 63 bits", ok + "Content-Length: 9223372036854775808\r\n\r\nabc"},
	{"9112 6.1: Transfer-Encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: a coding that nobody knows", ok + "Transfer-Encoding: cow\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: chunked is not the last coding", ok + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: chunked after another coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: chunked twice", ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: chunked in two fields", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: identity", ok + "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na"},
	{"9112 6.1: an empty coding", ok + "Transfer-Encoding:\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: chunked with a vertical tab", ok + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"},
	{"9112 6.1: chunked with a quality", ok + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"},
	{"9112 2.2: bare CR in a value", ok + "A: b\rc\r\nContent-Length: 0\r\n\r\n"},
	{"9112 2.2: bare CR before CRLF", ok + "A: b\r\r\nContent-Length: 0\r\n\r\n"},
	{"9112 2.2: bare LF after the status", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"},
	{"9112 2.2: bare LF after a field", ok + "Content-Length: 0\n\r\n"},
	{"9112 2.2: bare LF for the empty line", ok + "Content-Length: 0\r\n\n"},
	{"9112 2.2: nothing but bare LFs", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
	{"9112 2.2: whitespace before the first field", ok + " A: b\r\nContent-Length: 0\r\n\r\n"},
	{"9112 2.2: an empty line before the status", "\r\n" + ok + "Content-Length: 0\r\n\r\n"},
	{"9112 5.1: space before a colon", ok + "Content-Length : 0\r\n\r\n"},
	{"9112 5.1: tab before a colon", ok + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"},
	{"9112 5.2: line folding", ok + "A: b\r\n c\r\nContent-Length: 0\r\n\r\n"},
	{"9112 5.2: line folding with a tab", ok + "Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n"},
	{"9112 5: no colon", ok + "Content-Length 0\r\n\r\n"},
	{"9112 5: no name", ok + ": 0\r\nContent-Length: 0\r\n\r\n"},
	{"9110 5.1: a name that is no token", ok + "Content(Length: 0\r\n\r\n"},
	{"9110 5.1: NUL in a name", ok + "A\x00: b\r\nContent-Length: 0\r\n\r\n"},
	{"9110 5.5: NUL in a value", ok + "A: b\x00c\r\nContent-Length: 0\r\n\r\n"},
	{"9110 5.5: DEL in a value", ok + "A: b\x7fc\r\nContent-Length: 0\r\n\r\n"},
	{"9110 5.5: a control octet in a value", ok + "A: b\x1bc\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: no version", "200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: HTTP/0.9", "hello, this is a page\r\n\r\n"},
	{"9112 4: HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: a version that never was", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: a version in lower case", "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: no digits", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"},
	{"9110 15: a status below 100", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: two spaces", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"9112 4: a control octet in the reason", "HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n"},
	{"9110 7.8: a switch that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
	{"9112 7.1: no size", chunkedOK + "\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a size that is no number", chunkedOK + "xyz\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a negative size", chunkedOK + "-1\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a size with a prefix", chunkedOK + "0x3\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a size with an underscore", chunkedOK + "0_3\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a size beyond 63 bits", chunkedOK + "8000000000000000\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a size beyond 64 bits", chunkedOK + "10000000000000003\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a space before the size", chunkedOK + " 3\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: a space after the size", chunkedOK + "3 \r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: two sizes", chunkedOK + "3 3\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: bare LF after a size", chunkedOK + "3\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: bare CR in an extension", chunkedOK + "3;a\rb\r\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: bare LF in an extension", chunkedOK + "3;a\nabc\r\n0\r\n\r\n"},
	{"9112 7.1: data longer than the size", chunkedOK + "3\r\nabcd\r\n0\r\n\r\n"},
	{"9112 7.1: bare LF after data", chunkedOK + "3\r\nabc\n0\r\n\r\n"},
	{"9112 7.1.1: an endless extension", chunkedOK + "3;" + strings.Repeat("a", 2<<10)},
	{"9112 7.1.1: extensions without end", chunkedOK + strings.Repeat("1;"+strings.Repeat("e", 1000)+"\r\na\r\n", 100)},
	{"9112 7.1.2: a trailer with a bare LF", chunkedOK + "0\r\nA: b\n\r\n"},
	{"9112 7.1.2: a folded trailer", chunkedOK + "0\r\nA: b\r\n c\r\n\r\n"},
	{"9112 7.1.2: a huge trailer", chunkedOK + "0\r\nA: " + strings.Repeat("b", 70<<10)},
	{"a huge head", ok + "A: " + strings.Repeat("b", 70<<10)},
	{"a head of many lines", ok + strings.Repeat("A: b\r\n", maxFields+1) + "Content-Length: 0\r\n\r\n"},
	{"a status line without end", strings.Repeat("H", 70<<10)},
	{"9110 15.2: interim answers without end", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 2000)},
}

// The backend keeps the connection open: what hangs here would hang in earnest.
func TestAnAnswerWhoseEndCanBeDisputedIsRefused(t *testing.T) {
	for _, c := range badAnswers {
		t.Run(c.name, func(t *testing.T) {
			closed := make(chan struct{})
			h := New(listen(t, func(p *peer) {
				defer close(closed)
				p.request()
				p.say(c.raw)
				p.waitEnd()
			}), nil)
			_, body, err := ask(t, h, get("/"))
			wantError(t, err, Answered, OpAnswer)
			if strings.HasPrefix(body, "abcd") {
				t.Errorf("body %q went through", body)
			}
			soon(t, closed, "the connection's end")
		})
	}
}

func TestATruncatedAnswerIsAnUnexpectedEOF(t *testing.T) {
	const length = ok + "Content-Length: 5\r\n\r\nabcde"
	const chunks = chunkedOK + "3\r\nabc\r\n0\r\nA: b\r\n\r\n"
	for _, whole := range []string{length, chunks, ok + "Connection: close\r\nContent-Length: 3\r\n\r\nabc"} {
		for n := range len(whole) {
			h := New(listen(t, func(p *peer) { p.request(); p.say(whole[:n]) }), nil)
			_, body, err := ask(t, h, get("/"))
			stage := Answered
			if n == 0 {
				stage = Written
			}
			if wantError(t, err, stage, OpRead); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("cut after %q: body %q, error %v, want io.ErrUnexpectedEOF", whole[:n], body, err)
			}
		}
	}
}

func TestAnAnswerInSinglePiecesIsTheSame(t *testing.T) {
	raw := ok + "Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nA: b\r\n\r\n"
	h := New(listen(t, func(p *peer) {
		for p.request() != nil {
			for _, b := range []byte(raw) {
				p.say(string(b))
			}
		}
	}), nil)
	defer h.Drain()
	for range 3 {
		resp, body, err := ask(t, h, get("/"))
		if err != nil || body != "abcde" || resp.Trailer.Get("A") != "b" {
			t.Fatalf("body %q, trailer %v, error %v", body, resp.Trailer, err)
		}
	}
	if kept(h) != 1 {
		t.Errorf("%d connections kept, want 1", kept(h))
	}
}

func TestTrailersAreThereAtTheBodysEnd(t *testing.T) {
	h := New(answers(t, ok+"Transfer-Encoding: chunked\r\nTrailer: Checksum, Content-Length\r\n\r\n"+
		"1\r\na\r\n0\r\nchecksum: 1\r\nLate: 2\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nConnection: y\r\n\r\n"), nil)
	defer h.Drain()
	resp, err := h.Do(t.Context(), get("/"), Exchange{})
	if err != nil {
		t.Fatal(err)
	}
	if v, announced := resp.Trailer["Checksum"]; !announced || v != nil || len(resp.Trailer) != 1 {
		t.Errorf("before the end: %v, want Checksum without a value", resp.Trailer)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Checksum": {"1"}, "Late": {"2"}}
	if len(resp.Trailer) != 2 || resp.Trailer.Get("Checksum") != "1" || resp.Trailer.Get("Late") != "2" {
		t.Errorf("at the end: %v, want %v", resp.Trailer, want)
	}
}

func TestALargeHeadWithinItsLimitIsRead(t *testing.T) {
	value := strings.Repeat("v", 60<<10)
	h := New(answers(t, ok+"A: "+value+"\r\nContent-Length: 3\r\n\r\nabc"), nil)
	defer h.Drain()
	for range 2 {
		resp, body, err := ask(t, h, get("/"))
		if err != nil || body != "abc" || resp.Header.Get("A") != value {
			t.Fatalf("body %q, error %v", body, err)
		}
	}
}
