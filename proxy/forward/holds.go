package forward

import "sync"

// holds counts the requests that wait, by service, so that one service's lack of backends
// never fills the memory of all. Only requests that wait come here.
type holds struct {
	limit int
	mu    sync.Mutex
	n     map[string]int
}

func (h *holds) enter(service string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n[service] >= h.limit {
		return false
	}
	if h.n == nil {
		h.n = map[string]int{}
	}
	h.n[service]++
	return true
}

func (h *holds) leave(service string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n[service]--; h.n[service] == 0 {
		delete(h.n, service)
	}
}
