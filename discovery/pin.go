package discovery

// A Pin is what a session cookie says. It names no address.
type Pin struct {
	// Service is the Name of the service it was given for.
	Service string
	// Seat and Task that the session was on when the pin was given.
	Seat Seat
	Task string
	// Session is drawn at random when the session begins and kept for its life, also when the
	// session moves: all proxies choose the same place for it.
	Session Session
}

// Session is the random part of a pin.
type Session [12]byte
