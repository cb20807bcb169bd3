// Package accesslog writes a line for each request. What clients and backends wrote is
// escaped: no line can be forged, and nothing in one is obeyed by a terminal.
package accesslog

import (
	"net/netip"
	"time"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// A Record is what a line tells of one request that has ended. What is zero is left out of
// JSON, or "-" in the common format.
type Record struct {
	Start     time.Time
	Client    netip.Addr
	Method    string
	Host      string
	Target    string // as the client sent it
	Proto     string
	UserAgent string
	Referer   string

	Status   int
	BytesIn  int64 // of the request's body
	BytesOut int64 // of the answer's body
	Duration time.Duration
	// BackendDuration is from the last try's begin to the head of its answer.
	BackendDuration time.Duration

	EntryPoint string
	Router     string
	Service    string
	Task       discovery.Task // the task that answered, or was asked last
	Retries    int            // further tries after the first
	Why        string         // why the backend was taken
	Moved      bool           // the session was given another backend
	Held       time.Duration  // spent waiting for a backend
	RequestID  uint64         // written as 16 hex digits
	Ended      string         // what began the end of a WebSocket
	Err        error          // what went wrong, if anything did
}
