package forward

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// A Record is what becomes known of one request on its way: the rooms fill it in, the
// access log and the metrics read it when the request has ended. One goroutine at a time
// owns it.
type Record struct {
	Start    time.Time
	Peer     netip.Addr // the other end of the connection that it came over
	ID       uint64     // drawn at random; written as 16 hex digits
	Method   string     // as the client wrote it, like Host and Target
	Host     string
	Target   string
	Router   string         // "" if none matched
	Service  string         // the service asked for
	Observer Observer       // counts for the service; nil if none was found
	Task     discovery.Task // the task that answered, or was asked last; its ID is "" if none was
	Upgrade  string         // protocol that the client asked to change to, e.g. "websocket"; "" for none
	Retries  int            // further tries after the first
	Why      string         // why this backend was taken; see balancer.Why
	Moved    bool           // the session had a pin and got a new one
	Held     time.Duration  // spent waiting for a backend
	Waited   time.Duration  // from the last try's begin to the head of its answer
	Ended    string         // what began the end of a WebSocket: client, backend, drain, lost or leave
	Err      error          // what went wrong, if anything did
	Leave    *Leave         // of the entry point that it came by

	nominated []string // fields that the client's Connection named
}

// A Leave tells streams, once, that nothing new comes in any more by the way that they came.
type Leave struct {
	once   sync.Once
	begun  chan struct{}
	within time.Duration // read once begun is closed
}

// NewLeave makes one that has not begun.
func NewLeave() *Leave { return &Leave{begun: make(chan struct{})} }

// Begin has the clients of streams told to go, each at a moment of its own within that time. Only the first call
// counts.
func (l *Leave) Begin(within time.Duration) {
	l.once.Do(func() { l.within = within; close(l.begun) })
}

// hasBegun is closed when it has; that of nil never is.
func (l *Leave) hasBegun() <-chan struct{} {
	if l == nil {
		return nil
	}
	return l.begun
}

// NewRecord begins the record of a request that came now.
func NewRecord(r *http.Request, now time.Time) *Record {
	return &Record{Start: now, ID: rand.Uint64(), Method: r.Method, Host: r.Host, Target: r.RequestURI}
}

// RequestID is the id by which people find the request in the log.
func (r *Record) RequestID() string {
	const digits = 16
	s := strconv.FormatUint(r.ID, 16)
	for len(s) < digits {
		s = "0" + s
	}
	return s
}

type recordKey struct{}

// WithRecord hands rec to the handlers of a request, by a copy of it unless its context takes it in place.
func WithRecord(r *http.Request, rec *Record) *http.Request {
	ctx := r.Context()
	if place, ok := ctx.(interface{ Put(key, value any) }); ok {
		place.Put(recordKey{}, rec)
		return r
	}
	return r.WithContext(context.WithValue(ctx, recordKey{}, rec))
}

// RecordOf is the request's record; a fresh one that nobody reads if the request came
// another way than through an entry point.
func RecordOf(r *http.Request) *Record {
	if rec, ok := r.Context().Value(recordKey{}).(*Record); ok {
		return rec
	}
	return NewRecord(r, time.Now())
}
