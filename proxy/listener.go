package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/proxy/door"
)

// listen opens what the entry point accepts from.
func (e *entryPoint) listen(log zerolog.Logger) (net.Listener, error) {
	if e.config.Door != "" {
		e.door = door.NewListener(e.config.Door, e.name, log)
		return e.door, nil
	}
	ln, err := listen(e.name, e.config.Address)
	if err == nil {
		log.Info().Stringer("address", ln.Addr()).Msg("listening")
	}
	return ln, err
}

// listen opens an entry point's address. The error names it and the cure.
func listen(name, address string) (net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // door.Deafen cannot be done to its sockets
	ln, err := config.Listen(context.Background(), "tcp", address)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("entry point %s: %s is taken by another process: end it, or set --entrypoints.%s.address to another port: %w", name, address, name, err)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("entry point %s: not allowed to listen on %s: run with the capability NET_BIND_SERVICE, or set --entrypoints.%s.address to a port above 1023: %w", name, address, name, err)
	default:
		return nil, fmt.Errorf("entry point %s: listen on %s: %w", name, address, err)
	}
}
