// Package admin answers those who run Fairlead: whether it lives, whether it is ready, what
// it counts, and what is wrong. It is for the admin entry point, which by default only the
// container itself can reach: nothing here asks who is calling.
package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers on the admin entry point:
//
//	/ping          200 while the process serves at all
//	/healthy       200 while the process is worth keeping, else 503 and the reason
//	/ready         200 while it should be given requests, else 503 and the reason
//	/metrics       for Prometheus
//	/problems      what operators wrote that cannot work, and what ails services, one a line
//	/debug/pprof/  Go's profiles
//
// ready's error is nil while requests are welcome, its text what there is to say of that; healthy is nil
// while nothing would be better after a restart. Texts and errors are for people.
func Handler(m *Metrics, ready func() (string, error), healthy func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "OK")
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		text, err := ready()
		verdict(w, err, text)
	})
	mux.HandleFunc("GET /healthy", func(w http.ResponseWriter, r *http.Request) {
		verdict(w, healthy(r.Context()), "healthy")
	})
	mux.HandleFunc("GET /problems", func(w http.ResponseWriter, _ *http.Request) {
		var b strings.Builder
		for _, p := range m.gauges.Problems() {
			b.WriteString(line(p.String()))
		}
		for _, t := range m.gauges.Troubles() {
			b.WriteString(line(t))
		}
		answer(w, http.StatusOK, b.String())
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // one bad series must not hide the others
	}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// verdict is 503 and the reason, if there is one.
func verdict(w http.ResponseWriter, reason error, fine string) {
	if reason != nil {
		answer(w, http.StatusServiceUnavailable, line(reason.Error()))
		return
	}
	answer(w, http.StatusOK, line(fine))
}

func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // whoever asked may have gone
}

// line is a text as one line that a terminal shows and does not obey: labels are written by many.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s) + "\n"
}
