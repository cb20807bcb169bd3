package discovery

import "time"

// A Service is what routers send requests to: its tasks and how to choose among them.
// Backends of several Swarm services may join in one (blue-green).
type Service struct {
	// Name is unique within the snapshot, without a provider suffix.
	Name string
	// Strategy for requests without a pin. The zero value is WRR.
	Strategy Strategy
	// PassHostHeader sends the client's Host on; otherwise the task's address is sent.
	PassHostHeader bool
	// Sticky is nil unless sessions are kept on their replica.
	Sticky *Cookie
	// SlowStart is how long a new backend's share of new sessions grows from little to whole; 0: at once.
	SlowStart time.Duration
	// Awaited says that the cluster is about to bring up a task that is not among Tasks yet.
	Awaited bool
	// Tasks that can be reached, or soon can, or are leaving; sorted by ID. Never finished ones.
	Tasks []Task
	// Origin is who wrote it.
	Origin Origin
}

// Strategy is how a service's ready backends share requests that have no pin.
type Strategy string

// The strategies, by Traefik's names.
const (
	WRR       Strategy = "wrr"       // weighted round robin
	P2C       Strategy = "p2c"       // of two at random, the one with fewer requests in flight
	LeastTime Strategy = "leasttime" // shortest average answer time times requests in flight
	HRW       Strategy = "hrw"       // rendezvous hash of the client's address
)

// Cookie says how the session cookie is written. Names and defaults are Traefik's.
type Cookie struct {
	Name     string // never empty
	Path     string // never empty; "/" by default
	Domain   string
	Secure   bool
	HTTPOnly bool
	SameSite string // "", "none", "lax" or "strict"
	MaxAge   int    // seconds; 0: a session cookie, negative: expires at once
	OnDrain  OnDrain
}

// OnDrain is what becomes of a session when its task begins to drain. The zero value is Move.
type OnDrain string

// The ways.
const (
	Move OnDrain = ""     // its next request goes elsewhere
	Stay OnDrain = "stay" // it goes on there until the task refuses, exits or is about to be killed
)

// Probe is an active health check, as labelled. Names and defaults are Traefik's.
type Probe struct {
	Mode              string // "http" or "grpc"
	Path              string // never empty in mode http
	Scheme            string // "": the backend's
	Hostname          string // "": the backend's address
	Port              int    // 0: the backend's
	Method            string // "GET" by default
	Status            int    // 0: any 2xx or 3xx
	Interval          time.Duration
	UnhealthyInterval time.Duration
	Timeout           time.Duration
	FollowRedirects   bool
	Headers           map[string]string
}
