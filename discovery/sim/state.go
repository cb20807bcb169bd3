package sim

// State is a task's state as Swarm names it, or the one that the manager wants it to have.
type State int

// The states, in the order in which a task goes through them. Those that a simulated task
// never has are left out.
const (
	Pending State = iota
	Preparing
	Ready
	Starting
	Running
	Shutdown
	Failed
	Remove
)

// Ended says that the task's process has ended for good.
func (s State) Ended() bool { return s > Running }

func (s State) String() string {
	return [...]string{"pending", "preparing", "ready", "starting", "running", "shutdown", "failed", "remove"}[s]
}
