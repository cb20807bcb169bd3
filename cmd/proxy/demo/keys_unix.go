//go:build unix

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// hasKeys says that keys can be read here as they are pressed.
const hasKeys = true

// keys calls pressed for each key until ctx ends, or the terminal is gone, which is io.EOF.
func (t *terminal) keys(ctx context.Context, pressed func(key byte)) error {
	// A read of a terminal cannot be called off, so it is begun only when there is something.
	const look = 100 * time.Millisecond
	buf := make([]byte, 64)
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(t.in.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(look.Milliseconds()))
		if n == 0 || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		read, err := t.in.Read(buf)
		if err != nil {
			return io.EOF // hung up
		}
		const escape = 0x1b
		if buf[0] == escape { // an arrow or the like, whose letters are no keys
			continue
		}
		for _, key := range buf[:read] {
			pressed(key)
		}
	}
	return nil
}
