//go:build !linux

package door

import (
	"errors"
	"net"
	"os"
	"syscall"
)

var errSystem = errors.New("a door needs Linux")

type socket struct{ address string }

func open(string, Entry) (*socket, error)             { return nil, errSystem }
func (s *socket) send(*net.UnixConn, []byte) error    { return errSystem }
func (s *socket) close()                              {}
func owner(*net.UnixConn) (int, error)                { return 0, errSystem }
func receive(*net.UnixConn) (string, *os.File, error) { return "", nil, errSystem }

// OwnNetwork is asked for doors alone.
func OwnNetwork() bool { return false }

// Deafen is Linux's alone.
func Deafen(syscall.Conn) error { return nil }
