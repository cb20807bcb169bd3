package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func h2c(t *testing.T, f http.HandlerFunc) *Host {
	s := httptest.NewUnstartedServer(f)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	h := New(discovery.Address{Scheme: "h2c", HostPort: s.Listener.Addr().String()}, nil)
	t.Cleanup(h.Drain)
	return h
}

func TestH2CCarriesWhatHTTP1Does(t *testing.T) {
	h := h2c(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Seen", r.Proto+" "+r.Method+" "+r.Host+" "+r.RequestURI+" "+r.Header.Get("A")+r.UserAgent()+" "+r.Trailer.Get("T"))
		w.Header().Set("Trailer", "End")
		w.Header().Set("Link", "</a>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
		w.Header().Set("End", "of it")
	})
	r := post(strings.NewReader("abc"), -1)
	r.RequestURI, r.Trailer = "//x/%2f?a=%zz", http.Header{"T": {"t"}}
	r.Header.Set("A", "b")
	var interim int
	resp, err := h.Do(t.Context(), r, Exchange{Interim: func(status int, header http.Header) error {
		interim = status
		return nil
	}, Interrupt: func() { t.Error("interrupted what was whole") }})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "abc" || resp.StatusCode != 418 || interim != 103 || resp.Request != r {
		t.Errorf("body %q, error %v, status %d, interim %d", body, err, resp.StatusCode, interim)
	}
	if got, want := resp.Header.Get("Seen"), "HTTP/2.0 POST shop.example //x/%2f?a=%zz b t"; got != want {
		t.Errorf("the backend saw %q, want %q", got, want)
	}
	if resp.Trailer.Get("End") != "of it" {
		t.Errorf("trailers are %v", resp.Trailer)
	}
}

func TestH2CErrorsClaimNothingThatIsNotKnown(t *testing.T) {
	h := h2c(t, func(w http.ResponseWriter, r *http.Request) {
		if r.RequestURI == "/later" {
			_, _ = w.Write([]byte("a"))
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	_, _, err := ask(t, h, get("/"))
	wantError(t, err, Written, OpRead)
	_, _, err = ask(t, h, get("/later"))
	wantError(t, err, Answered, OpRead)
}

func TestH2CBlamesTheClientForABodyThatBreaks(t *testing.T) {
	h := h2c(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
	gone := errors.New("the client is gone")
	_, _, err := ask(t, h, post(failing{gone}, -1))
	if e := wantError(t, err, Written, OpUpload); !errors.Is(e, gone) {
		t.Errorf("error is %v", e)
	}
}

func TestH2CEndsWithItsContextAndReadsTheBodyNoMore(t *testing.T) {
	h := h2c(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the client went away")
	f := newFeed()
	go func() { <-f.asked; cancel(why) }()
	_, err := h.Do(ctx, post(f, -1), Exchange{Interrupt: func() { f.CloseWithError(why) }})
	if e := wantError(t, err, Written, OpContext); !errors.Is(e, why) {
		t.Errorf("error is %v", e)
	}
	if f.reading.Load() {
		t.Error("the body is still being read")
	}
}
