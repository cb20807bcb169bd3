//go:build !linux

package upstream

// An inflow is of Linux alone.
type inflow struct{}

// Choked reports whether a connection waits for packets that are too large for the way. Only Linux tells.
func (h *Host) Choked() bool { return false }
