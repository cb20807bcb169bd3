// Package configs reads Fairlead's static options: what is fixed for the life of the
// process. Flags, environment and a YAML file share one grammar and one table of
// options; names are Traefik's where Traefik has the option. It imports nothing of ours.
package configs

import (
	"net/netip"
	"time"
)

// A Config is the options of one process, complete and checked: whoever reads it needs no
// defaults of their own.
type Config struct {
	// EntryPoints that take clients' requests; at least one, sorted by name, the admin one not among them.
	EntryPoints []EntryPoint
	// Admin is the entry point of ping, readiness and metrics. It is always there.
	Admin EntryPoint
	// Swarm and File are where routers and services come from: exactly one is not nil.
	Swarm *Swarm
	File  *File

	AccessLog        AccessLog
	Log              Log
	Sticky           Sticky
	Hold             Hold
	ServersTransport ServersTransport

	// Warnings are for the log: options that were understood but do not do what they do in Traefik.
	Warnings []string
}

// DefaultEntryPoints are the names of those that a router listens to that names none:
// the ones marked as default, else all.
func (c *Config) DefaultEntryPoints() []string {
	var all, marked []string
	for _, e := range c.EntryPoints {
		all = append(all, e.Name)
		if e.AsDefault {
			marked = append(marked, e.Name)
		}
	}
	if marked != nil {
		return marked
	}
	return all
}

// An EntryPoint is a listening address and how connections to it are treated.
type EntryPoint struct {
	Name string
	// Address to listen on, "host:port" with the host often empty, as net.Listen takes it.
	Address string
	// Door is the unix socket of the door that listens there; "": the proxy does itself.
	Door string
	// AsDefault marks it for routers that name no entry point.
	AsDefault        bool
	ForwardedHeaders ForwardedHeaders
	Lifecycle        Lifecycle
	Timeouts         RespondingTimeouts
	// MaxHeaderBytes limits the head of a request, MaxHeaders the number of its fields.
	MaxHeaderBytes, MaxHeaders int
	Limits                     Limits
	// Upgrades are the protocols, in lower case, that clients may ask to change to.
	Upgrades []string
	// Via is this proxy's name in the Via field of requests that it passes on; "": none is sent.
	Via string
}

// Limits are what an entry point bears from its clients.
type Limits struct {
	Connections int           // in all
	PerAddress  int           // from one public address; 0: no bound
	HeadTime    time.Duration // for a whole head
	Silence     time.Duration // while a body is due, or an answer not taken; 0: no bound
	TunnelIdle  time.Duration // in which a tunnel carries nothing; 0: no bound
}

// ForwardedHeaders says from whom X-Forwarded-* is believed.
type ForwardedHeaders struct {
	Insecure   bool // from everybody
	TrustedIPs []netip.Prefix
}

// Lifecycle is how an entry point ends.
type Lifecycle struct {
	// RequestAcceptGraceTimeout is how long it still accepts connections after the signal to stop.
	RequestAcceptGraceTimeout time.Duration
	// GraceTimeout is how long requests may take to finish after that.
	GraceTimeout time.Duration
}

// RespondingTimeouts bound a connection from a client; 0 is no bound.
type RespondingTimeouts struct {
	Read  time.Duration // for a whole request with its body
	Write time.Duration // for a whole answer
	Idle  time.Duration // between two requests
}

// Swarm says how to reach the engine and how its labels are read.
type Swarm struct {
	// Endpoint of the engine's API: unix://, tcp://, http:// or https://.
	Endpoint string
	// ControlSocket is the path of the manager's control socket; "": it is not used.
	ControlSocket string
	// ExposedByDefault is nil when it was not set.
	ExposedByDefault *bool
	// Network is the name of the network that tasks are reached on, where labels name none.
	Network string
	// DefaultRule is Traefik's Go template for the rule of a router that has none.
	DefaultRule string
	// Interval between listings when nothing happens, and while a service is being updated.
	Interval, UpdateInterval time.Duration
}

// File is a file with routers and services in Traefik's format.
type File struct {
	Filename string
}

// AccessLog says whether and how a line for each request is written.
type AccessLog struct {
	Enabled  bool
	Format   string // "common" or "json"
	FilePath string // "": standard output
}

// Log is about the process's own messages.
type Log struct {
	Level  string // "debug", "info", "warn" or "error"
	Format string // "common" (readable), "json", or "": readable on a terminal, else JSON
}

// Sticky is about session cookies.
type Sticky struct {
	// KeyFile holds the keys that sign them; "": derived from the cluster's id.
	KeyFile string
}

// Hold bounds the requests that wait for a service that has no ready backend.
type Hold struct {
	Timeout  time.Duration // each at most so long
	Requests int           // so many for each service
}

// ServersTransport is about connections to backends.
type ServersTransport struct {
	InsecureSkipVerify  bool
	MaxIdleConnsPerHost int
	// DialTimeout bounds the time to a connection, ResponseHeaderTimeout from the request's end to
	// the answer's head, IdleConnTimeout how long an unused connection is kept. 0: no bound.
	DialTimeout, ResponseHeaderTimeout, IdleConnTimeout time.Duration
}
