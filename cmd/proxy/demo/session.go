package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// session is a client that keeps its cookies.
type session struct {
	lane    *lane
	number  int
	sent    int
	last    string // the container that answered it last
	cookies map[string]string
}

// newSession begins where its number says, so that not all clients POST at the same time.
func newSession(l *lane, number int) *session {
	return &session{lane: l, number: number, sent: number, cookies: map[string]string{}}
}

// run sends a request each period until ctx ends; those that a slow answer delays are left out.
func (s *session) run(ctx context.Context) {
	start := time.NewTimer(period * time.Duration(s.number) / clientCount)
	defer start.Stop()
	select {
	case <-start.C:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.once(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// once sends one request and has the lane count what comes of it.
func (s *session) once(ctx context.Context) {
	method := http.MethodGet
	if s.sent%10 < 3 { // 30 %
		method = http.MethodPost
	}
	s.sent++
	began := time.Now()
	container, err := s.exchange(ctx, method)
	took := time.Since(began)
	switch {
	case err == nil:
		s.lane.answered(container, s.last, took)
		s.last = container
	case ctx.Err() == nil: // otherwise the demo ends, and nobody knows
		s.lane.lost(method, reason(err), took)
	}
}

// exchange returns which container answered.
func (s *session) exchange(ctx context.Context, method string) (string, error) {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(url.Values{"client": {fmt.Sprint(s.number)}}.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.lane.addr.String()+"/", body)
	if err != nil {
		return "", err
	}
	for name, value := range s.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := s.lane.client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	const most = 1 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return "", err
	}
	for _, c := range resp.Cookies() {
		s.cookies[c.Name] = c.Value
	}
	_, container, found := strings.Cut(strings.TrimSpace(string(text)), "=> ")
	if resp.StatusCode != http.StatusOK || !found {
		first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		return "", errors.New(cmp.Or(first, resp.Status))
	}
	return container, nil
}

// reason is an error without what all of them have in common.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return fmt.Sprintf("no answer within %s", patience)
		}
		err = u.Err
	}
	return err.Error()
}
