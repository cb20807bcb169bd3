package balancer

// A condition is all that requests need to know of a backend, in one word, so that one
// load sees it consistent: flags below, and above them the readiness turn, a count of how
// often the backend became ready.
type condition uint64

const (
	isReady     condition = 1 << iota // takes requests
	isRunning                         // the cluster says so
	isProven                          // its port accepted once, or the cluster checks it
	isDraining                        // takes none any more
	isStaying                         // drains, and goes on taking requests of the sessions pinned to it
	isWithdrawn                       // the cluster wants it and names its address no longer
	isLast                            // drains, and was its service's last ready backend when it began to
	isEjected                         // its dials failed
	isDoubted                         // a dial failed, or none was seen to work yet: an answer would be news
	isOpen                            // not ready for passive reasons alone: taken when nothing is ready
	isFailing                         // its active probe fails
)

const turnShift = 16

func (c condition) has(flag condition) bool { return c&flag != 0 }

func (c condition) turn() uint64 { return uint64(c >> turnShift) }
