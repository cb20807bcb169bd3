package upstream

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// An inflow is what a connection had received when last looked at, to see whether it goes on.
type inflow struct {
	inOrder uint64 // bytes
	early   uint32 // packets that came before their turn
}

const (
	// stillness is how long nothing must have come: packets that were lost are sent again before that.
	stillness = 3 * time.Second
	// repeats is how often the same packet must have been sent in vain, each time after twice the wait.
	repeats = 3
)

// Choked reports whether a connection waits for packets that are too large for the way, as where
// an MTU is set wrong: smaller ones that belong behind them have come, or the kernel sends the same one in
// vain again and again. The latter is also so of a backend that vanished: then its dials fail, too.
// It compares with what it saw when it was called last, a second before or so.
func (h *Host) Choked() bool {
	h.live.mu.Lock()
	defer h.live.mu.Unlock()
	found := false
	for c := range h.live.conns {
		found = c.choked() || found // each is to be looked at
	}
	return found
}

func (c *conn) choked() bool {
	socket, ok := c.socket.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var info *unix.TCPInfo
	control := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if control != nil || err != nil {
		return false
	}
	before := c.inflow
	if before.inOrder != info.Bytes_received || before.early > info.Rcv_ooopack {
		c.inflow = inflow{info.Bytes_received, info.Rcv_ooopack}
		return false
	}
	still := time.Duration(info.Last_data_recv)*time.Millisecond >= stillness
	return info.Rcv_ooopack > before.early && still || info.Unacked > 0 && info.Backoff >= repeats
}
