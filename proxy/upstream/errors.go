package upstream

import (
	"errors"
	"fmt"
	"syscall"
)

// Stage is how far an exchange had come when it failed. Who may send the request to another
// backend follows from it (RFC 9110 section 9.2.2).
type Stage int

// The stages, in the order in which an exchange goes through them.
const (
	// NothingWritten: no byte of the request left and no byte of its body was read. Any request
	// may go elsewhere.
	NothingWritten Stage = iota
	// Written: the backend may have seen some of the request, or all of it, and has not begun to
	// answer. Only idempotent requests may go elsewhere.
	Written
	// Answered: some of an answer was read, an interim one perhaps.
	Answered
)

func (s Stage) String() string {
	switch s {
	case NothingWritten:
		return "nothing written"
	case Written:
		return "written, not answered"
	case Answered:
		return "answer begun"
	}
	return "unknown stage"
}

// Op is what failed. It tells who is to blame, and so what the client is told.
type Op string

// The operations.
const (
	OpRequest Op = "check request" // the request holds what must not be written: the client's fault (400)
	OpSocket  Op = "open socket"   // this process or machine has no descriptor, port or memory left
	OpDial    Op = "dial"          // the backend does not take connections; only this may eject it
	OpWrite   Op = "write"         // the connection broke under the request's head
	OpUpload  Op = "read request"  // reading the request's body failed: the client is gone, or sent too much
	OpRead    Op = "read"          // the connection broke, or stayed silent, before the answer was whole
	OpAnswer  Op = "parse answer"  // what the backend sent is not HTTP as RFC 9112 wants it (502)
	OpInterim Op = "pass interim"  // Exchange.Interim returned an error
	OpContext Op = "wait"          // the context ended; Err is its cause
)

// Error is what Do and the bodies of its answers return, save io.EOF.
type Error struct {
	Stage Stage
	Op    Op
	Addr  string // the backend's host:port
	Err   error
}

func (e *Error) Error() string {
	return fmt.Sprintf("backend %s: %s: %v (%s)", e.Addr, e.Op, e.Err, e.Stage)
}

// Unwrap returns the cause. A truncated answer's is io.ErrUnexpectedEOF.
func (e *Error) Unwrap() error { return e.Err }

// Vanished reports whether the network says that nobody is at the other end any more: what was sent is
// not even acknowledged.
func (e *Error) Vanished() bool {
	for _, sign := range []syscall.Errno{syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(e.Err, sign) {
			return true
		}
	}
	return false
}

// Timeout reports whether time ran out: while dialling, or while waiting for the answer's head.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}
