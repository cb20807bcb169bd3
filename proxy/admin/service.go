package admin

import (
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// ServiceMetrics counts one service's requests. Its methods take no lock and allocate nothing.
type ServiceMetrics struct {
	codes    [len(codes) + classes]atomic.Uint64
	buckets  [len(bounds) + 1]atomic.Uint64
	duration atomic.Int64 // ns
	retries  atomic.Uint64
	moves    [len(reasons) + 1]atomic.Uint64
	held     atomic.Int64
	told     [len(partings)]atomic.Uint64
}

// EntryPointMetrics counts one entry point's requests.
type EntryPointMetrics struct {
	inFlight atomic.Int64
}

// InFlight: so many more requests (or fewer) are being answered.
func (e *EntryPointMetrics) InFlight(delta int) { e.inFlight.Add(int64(delta)) }

// Count is how many requests are being answered, tunnels among them.
func (e *EntryPointMetrics) Count() int { return int(e.inFlight.Load()) }

// Answered: a request was answered with a status code, d after its head had come.
func (s *ServiceMetrics) Answered(code int, d time.Duration) {
	s.codes[codeIndex(code)].Add(1)
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	s.buckets[i].Add(1)
	s.duration.Add(int64(d))
}

// Retried: a request goes to a further backend.
func (s *ServiceMetrics) Retried() { s.retries.Add(1) }

// Moved: a session was given another backend than the one that it was pinned to; why is a
// balancer.Why as a word.
func (s *ServiceMetrics) Moved(why string) {
	i := slices.Index(reasons[:], why)
	if i < 0 {
		i = len(reasons)
	}
	s.moves[i].Add(1)
}

// Held: so many more requests (or fewer) wait for a backend.
func (s *ServiceMetrics) Held(delta int) { s.held.Add(int64(delta)) }

// Waiting is how many requests wait for a backend.
func (s *ServiceMetrics) Waiting() int { return int(s.held.Load()) }

// Told: the client of a WebSocket was told to go, for one of the partings.
func (s *ServiceMetrics) Told(why string) {
	if i := slices.Index(partings[:], why); i >= 0 {
		s.told[i].Add(1)
	}
}

// partings are why clients of WebSockets are told to go.
var partings = [...]string{"drain", "lost", "leave"}

// reasons of a move that are counted apart; any other is "other".
var reasons = [...]string{"seat", "rendezvous", "strategy", "failopen"}

func reasonName(i int) string {
	if i == len(reasons) {
		return "other"
	}
	return reasons[i]
}

// bounds of the duration histogram.
var bounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// codes that are counted apart, in ascending order. All others are counted by class, so that a
// backend which invents codes does not invent series.
var codes = [...]int{
	101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308,
	400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 428, 429, 431, 451, 499,
	500, 501, 502, 503, 504, 505, 507, 508, 511,
}

// classes are those of RFC 9110 section 15, and one, the first, for what is in none of them.
const classes = 6

func codeIndex(code int) int {
	if i, ok := slices.BinarySearch(codes[:], code); ok {
		return i
	}
	if class := code / 100; class > 0 && class < classes {
		return len(codes) + class
	}
	return len(codes)
}

func codeName(i int) string {
	switch {
	case i < len(codes):
		return strconv.Itoa(codes[i])
	case i == len(codes):
		return "other"
	}
	return strconv.Itoa(i-len(codes)) + "xx"
}
