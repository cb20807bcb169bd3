package balancer

import (
	"strings"
	"sync"
	"time"
)

// maxStrangers bounds what is remembered. Beyond it everything is forgotten, and learned anew.
const maxStrangers = 1024

// strangers are the tasks that pins name and the pool does not have. Such a task has ended; or it is
// so new that only another proxy has heard of it, and gave the pin.
type strangers struct {
	mu    sync.RWMutex
	since map[string]time.Duration // hub time when a pin first named it, or long before
}

// left tells that the pool had the task and has it no longer: that one is no newcomer.
func (s *strangers) left(task string) { s.note(task, -agreeTime) }

// gone reports whether the task has been a stranger for too long to be new.
func (s *strangers) gone(task string, now time.Duration) bool {
	s.mu.RLock()
	since, known := s.since[task]
	s.mu.RUnlock()
	if !known {
		s.note(strings.Clone(task), now) // a pin's strings belong to a whole head
		return false
	}
	return now-since >= agreeTime
}

func (s *strangers) note(task string, since time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since == nil || len(s.since) >= maxStrangers {
		s.since = make(map[string]time.Duration)
	}
	s.since[task] = since
}
