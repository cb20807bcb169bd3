package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// feed is a body whose reader says when it is asked.
type feed struct {
	asked chan struct{}
	pr    *io.PipeReader
	*io.PipeWriter
	reading atomic.Bool
}

func newFeed() *feed {
	f := &feed{asked: make(chan struct{}, 1000)}
	f.pr, f.PipeWriter = io.Pipe()
	return f
}

func (f *feed) Read(p []byte) (int, error) {
	f.reading.Store(true)
	defer f.reading.Store(false)
	f.asked <- struct{}{}
	return f.pr.Read(p)
}

func TestRequestAndAnswerStreamAtOnce(t *testing.T) {
	for _, length := range []int64{-1, 5} {
		h := New(listen(t, func(p *peer) {
			r, err := http.ReadRequest(p.in)
			if err != nil {
				return
			}
			p.say(ok + "Content-Length: 5\r\n\r\n")
			var b [1]byte
			for {
				if n, _ := r.Body.Read(b[:]); n == 0 {
					break
				}
				p.say(string(b[:]))
			}
			p.waitEnd()
		}), nil)
		f := newFeed()
		resp, err := h.Do(t.Context(), post(f, length), Exchange{})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range []string{"a", "b", "c", "d", "e"} {
			if _, err := io.WriteString(f, s); err != nil {
				t.Fatal(err)
			}
			if i == 4 {
				f.PipeWriter.Close()
			}
			var b [1]byte
			if _, err := io.ReadFull(resp.Body, b[:]); err != nil || string(b[:]) != s {
				t.Fatalf("length %d: read %q, error %v, want %q", length, b, err, s)
			}
		}
		resp.Body.Close()
		h.Drain()
	}
}

func TestTheBodyIsNotReadBeforeTheBackendIsDialled(t *testing.T) {
	h := New(refusing(t), nil)
	f := newFeed()
	_, err := h.Do(t.Context(), post(f, -1), Exchange{})
	wantError(t, err, NothingWritten, OpDial)
	if len(f.asked) > 0 {
		t.Error("the body was read")
	}
}

// The head must not wait for a body that is slow to come.
func TestTheHeadGoesBeforeASlowBody(t *testing.T) {
	got := make(chan string, 1)
	h := New(listen(t, func(p *peer) { got <- p.head(); p.waitEnd() }), nil)
	ctx, cancel := context.WithCancel(t.Context())
	f := newFeed()
	failed := make(chan error)
	go func() {
		_, err := h.Do(ctx, post(f, 3), Exchange{Interrupt: func() { f.CloseWithError(errors.New("interrupted")) }})
		failed <- err
	}()
	if head := soon(t, got, "the head"); !strings.HasPrefix(head, "POST / ") {
		t.Errorf("head is %q", head)
	}
	cancel()
	wantError(t, soon(t, failed, "the end"), Written, OpContext)
}

func TestAnEarlyAnswerStopsTheUpload(t *testing.T) {
	for _, answer := range []string{"Content-Length: 0\r\n\r\n", "Content-Length: 2\r\n\r\nno", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"} {
		ended := make(chan struct{})
		h := New(listen(t, func(p *peer) {
			p.head()
			p.say("HTTP/1.1 413 Content Too Large\r\n" + answer)
			p.waitEnd()
			close(ended)
		}), nil)
		f := newFeed()
		interrupted := make(chan struct{}, 2)
		resp, err := h.Do(t.Context(), post(f, -1), Exchange{Interrupt: func() { interrupted <- struct{}{}; f.CloseWithError(io.EOF) }})
		if err != nil || resp.StatusCode != 413 {
			t.Fatalf("got %v, %v", resp, err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
		soon(t, interrupted, "the interrupt")
		if f.reading.Load() {
			t.Error("the body is still being read")
		}
		resp.Body.Close()
		soon(t, ended, "the connection's end")
		if kept(h) != 0 || len(interrupted) != 0 {
			t.Errorf("%d connections kept, %d more interrupts", kept(h), len(interrupted))
		}
	}
}

// A backend that neither reads nor answers in time must not hold what wants to end.
func TestAnUploadThatIsStuckEndsWithItsExchange(t *testing.T) {
	started, end := make(chan struct{}), make(chan struct{})
	h := New(listen(t, func(p *peer) {
		p.head()
		p.say(ok + "Content-Length: 0\r\n\r\n")
		close(started)
		<-end
	}), nil)
	defer close(end)
	resp, err := h.Do(t.Context(), post(endless{}, -1), Exchange{Interrupt: func() {}})
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	soon(t, started, "the answer")
	if kept(h) != 0 {
		t.Error("the connection was kept")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestABodyThatBreaksEndsTheRequestUnfinished(t *testing.T) {
	gone := errors.New("the client is gone")
	for name, c := range map[string]struct {
		length int64
		end    error
		want   error
	}{
		"chunked":                    {-1, gone, gone},
		"of known length":            {10, gone, gone},
		"shorter than it said":       {10, io.EOF, io.ErrUnexpectedEOF},
		"chunked, unexpected EOF":    {-1, io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
		"of known length, cut early": {4, io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			whole := make(chan bool, 1)
			h := New(listen(t, func(p *peer) { whole <- p.request() != nil }), nil)
			body := io.MultiReader(strings.NewReader("abc"), failing{c.end})
			_, _, err := ask(t, h, post(body, c.length))
			if e := wantError(t, err, Written, OpUpload); !errors.Is(e, c.want) {
				t.Errorf("error is %v, want %v", e, c.want)
			}
			if soon(t, whole, "the request's end") {
				t.Error("the backend saw a whole request")
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Trailers are known only at the end, so nothing but a break tells that one was bad.
func TestABadTrailerEndsTheRequestUnfinished(t *testing.T) {
	for name, trailer := range map[string]http.Header{"a line break": {"A": {"b\r\nC: d"}}, "too large": {"A": {strings.Repeat("b", uploadPageSize)}}} {
		whole := make(chan bool, 1)
		h := New(listen(t, func(p *peer) { whole <- p.request() != nil }), nil)
		r := post(strings.NewReader("abc"), -1)
		r.Trailer = trailer
		_, _, err := ask(t, h, r)
		wantError(t, err, Written, OpUpload)
		if soon(t, whole, "the request's end") {
			t.Errorf("%s: the backend saw a whole request", name)
		}
	}
}

func TestABodyIsSentWhole(t *testing.T) {
	for _, size := range []int{1, 1000, uploadPageSize - 1, uploadPageSize, uploadPageSize + 1, 1<<20 + 7} {
		for _, length := range []int64{int64(size), -1} {
			for _, headSize := range []int{0, 3000, uploadPageSize/2 - 80, uploadPageSize} {
				body := bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size]
				h := New(listen(t, func(p *peer) {
					r := p.request()
					if r == nil {
						return
					}
					got, _ := io.ReadAll(r.Body)
					if !bytes.Equal(got, body) || len(r.Header.Get("A")) != headSize {
						t.Errorf("size %d, length %d, head %d: the backend got %d bytes, head %d", size, length, headSize, len(got), len(r.Header.Get("A")))
					}
					p.say(empty)
					p.waitEnd()
				}), nil)
				r := post(bytes.NewReader(append(bytes.Clone(body), "more than announced"[:min(int(length+1), 19)]...)), length)
				r.Header.Set("A", strings.Repeat("h", headSize))
				mustAsk(t, h, r)
				if kept(h) != 1 {
					t.Errorf("size %d, length %d, head %d: the connection was not kept", size, length, headSize)
				}
				h.Drain()
			}
		}
	}
}

func expecting(f io.Reader) *http.Request {
	r := post(f, 3)
	r.Header.Set("Expect", "100-continue")
	return r
}

func TestAnExpectedContinueIsWaitedFor(t *testing.T) {
	f := newFeed()
	h := New(listen(t, func(p *peer) {
		p.head()
		if len(f.asked) > 0 {
			t.Error("the body was read before the 100")
		}
		p.say("HTTP/1.1 100 Continue\r\n\r\n")
		b := make([]byte, 3)
		_, _ = io.ReadFull(p.in, b)
		p.say(ok + "Content-Length: 3\r\n\r\n" + string(b))
		p.waitEnd()
	}), nil)
	defer h.Drain()
	go io.WriteString(f, "abc")
	if body := mustAsk(t, h, expecting(f)); body != "abc" {
		t.Errorf("body is %q", body)
	}
	if kept(h) != 1 {
		t.Error("the connection was not kept")
	}
}

func TestABodyThatIsNotWantedIsNotRead(t *testing.T) {
	f := newFeed()
	more := make(chan struct{})
	h := New(listen(t, func(p *peer) {
		p.head()
		p.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\n")
		<-more
		p.say("abc")
		if n, _ := io.Copy(io.Discard, p.in); n > 0 {
			t.Errorf("%d bytes of the body were sent", n)
		}
	}), nil)
	begin := time.Now()
	resp, err := h.Do(t.Context(), expecting(f), Exchange{Interrupt: func() { t.Error("there was nothing to interrupt") }})
	if err != nil || resp.StatusCode != 401 || time.Since(begin) > continueWait/2 {
		t.Fatalf("answer %v, error %v after %v", resp, err, time.Since(begin))
	}
	close(more)
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "abc" {
		t.Errorf("body %q, error %v", body, err)
	}
	resp.Body.Close()
	if len(f.asked) > 0 || kept(h) > 0 {
		t.Errorf("the body was read %d times, %d connections kept", len(f.asked), kept(h))
	}
}

// RFC 9110 section 10.1.1: backends that know nothing of 100-continue wait for the body.
func TestABackendThatNeverContinuesGetsTheBodyAfterASecond(t *testing.T) {
	h := New(listen(t, func(p *peer) {
		p.head()
		b := make([]byte, 3)
		_, _ = io.ReadFull(p.in, b)
		p.say(ok + "Content-Length: 3\r\n\r\n" + string(b))
		p.waitEnd()
	}), nil)
	defer h.Drain()
	begin := time.Now()
	if body := mustAsk(t, h, expecting(strings.NewReader("abc"))); body != "abc" || time.Since(begin) < continueWait {
		t.Errorf("body is %q after %v", body, time.Since(begin))
	}
}

func TestInterimAnswersArePassedOn(t *testing.T) {
	h := New(answers(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 3\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"+
		"HTTP/1.1 100 Continue\r\n\r\n"+ok+"Content-Length: 1\r\n\r\na"), nil)
	defer h.Drain()
	var got []int
	resp, err := h.Do(t.Context(), get("/"), Exchange{Interim: func(status int, header http.Header) error {
		got = append(got, status)
		if status == 103 && (header.Get("Link") != "</a>" || len(header) != 1) {
			t.Errorf("103 came with %v", header)
		}
		return nil
	}})
	if err != nil || resp.StatusCode != 200 || len(got) != 3 || got[0] != 103 || got[1] != 102 || got[2] != 100 {
		t.Fatalf("interim %v, answer %v, error %v", got, resp, err)
	}
	resp.Body.Close()
	no := errors.New("no")
	_, err = h.Do(t.Context(), get("/"), Exchange{Interim: func(int, http.Header) error { return no }})
	if e := wantError(t, err, Answered, OpInterim); !errors.Is(e, no) {
		t.Errorf("error is %v", e)
	}
}
