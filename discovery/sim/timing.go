package sim

import "time"

// Timing is how long the steps of a task's life take. Measured gives those of a real engine.
type Timing struct {
	// Prepare is from a task's creation to READY.
	Prepare time.Duration
	// Boot is from the process's start until it listens.
	Boot time.Duration
	// HealthInterval is HEALTHCHECK's interval: the first check comes that long after the start.
	HealthInterval time.Duration
	// HealthRetries is how many checks must fail before a task is unhealthy.
	HealthRetries int
	// Signal is from desired=SHUTDOWN to SIGTERM; most of it is the 2 s delay for gossip that
	// is hard-coded in the engine.
	Signal time.Duration
	// Exit is from a process's end to the task's final state.
	Exit time.Duration
	// RestartDelay is restart_policy.delay: from a task's failure to its successor's start.
	RestartDelay time.Duration
	// NodeDown is how long managers take to notice that a node is gone.
	NodeDown time.Duration
	// Monitor is update_config.monitor: a new task that fails within that time fails the update.
	Monitor time.Duration
	// OldTimeout is how long a stop-first update waits for the old task's end.
	OldTimeout time.Duration
	// Busy and Idle are how often Watch lists the cluster: Busy while a service is updated and for
	// Recent after a change of a task.
	Busy, Idle, Recent time.Duration
}

// Measured is the timing of a real engine (20.10.24), with a HEALTHCHECK each 2 s.
func Measured() Timing {
	return Timing{
		Prepare:        300 * time.Millisecond,
		Boot:           700 * time.Millisecond,
		HealthInterval: 2 * time.Second,
		HealthRetries:  3,
		Signal:         3200 * time.Millisecond,
		Exit:           300 * time.Millisecond,
		RestartDelay:   5 * time.Second,
		NodeDown:       15 * time.Second,
		Monitor:        5 * time.Second,
		OldTimeout:     time.Minute,
		Busy:           200 * time.Millisecond,
		Idle:           time.Second,
		Recent:         time.Minute,
	}
}

// Divided is the same life n times as fast. What takes real time all the same, as a dial
// does, stays as it is; so keep n below 100.
func (t Timing) Divided(n int) Timing {
	for _, d := range []*time.Duration{&t.Prepare, &t.Boot, &t.HealthInterval, &t.Signal, &t.Exit, &t.RestartDelay,
		&t.NodeDown, &t.Monitor, &t.OldTimeout, &t.Busy, &t.Idle, &t.Recent} {
		*d /= time.Duration(n)
	}
	return t
}
