//go:build !linux

package sim

import "net"

// acceptsDeaf says that a deaf socket may be accepted from.
const acceptsDeaf = false

// cut is Linux's alone. Elsewhere the kernel goes on acknowledging what the peer sends; it gets no answer.
func cut(net.Conn) {}

func mend(net.Conn) {}
