package upstream

import (
	"net"
	"time"
)

// A backend may vanish without a word: a cut cable, a dead node. Its connections then neither break nor
// answer. Only TCP itself can tell that from an app that takes its time: the kernel of a slow app, of a
// stopped process even, goes on acknowledging what it gets. So the kernel is asked to end connections
// whose other side acknowledges nothing, neither what was sent nor, in silence, its probes.
const (
	// vanishTime is how long what was sent may stay unacknowledged, and how long a connection may be
	// silent although it was probed. A lost packet is sent four times again in that time.
	vanishTime = 4 * time.Second
	// calmBody is the largest request body that vanishTime is for. A larger one may fill the window of
	// an app that does not read for a while, and to the kernel such a window is a silence, too.
	calmBody = 16 << 10
)

// keepAlive are the probes. Where vanishTime is not set, the third unanswered one is the end.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}

// watch puts the connection under vanishTime, or takes it off.
func (c *conn) watch(on bool) {
	if c.watched == on {
		return
	}
	c.watched = on
	var d time.Duration
	if on {
		d = vanishTime
	}
	limitSilence(c.socket, d)
}
