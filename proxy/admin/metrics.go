package admin

import (
	"runtime"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
)

// Gauges are functions that tell how things stand when somebody asks. All are needed; they
// are called by several goroutines at once.
type Gauges struct {
	Status   func() discovery.Status
	Problems func() []discovery.Problem
	// Troubles are what keeps services from having enough backends, a line each.
	Troubles func() []string
	Pools    func() []balancer.PoolStatus
}

// Metrics are what is counted, with a registry of their own.
type Metrics struct {
	registry *prometheus.Registry
	gauges   Gauges

	mu          sync.RWMutex
	services    map[string]*ServiceMetrics
	entryPoints map[string]*EntryPointMetrics
}

// NewMetrics begins to count. version is Fairlead's own.
func NewMetrics(version string, g Gauges) *Metrics {
	m := &Metrics{
		registry:    prometheus.NewRegistry(),
		gauges:      g,
		services:    map[string]*ServiceMetrics{},
		entryPoints: map[string]*EntryPointMetrics{},
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "fairlead_build_info",
		Help:        "Always 1; its labels tell what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, newCollector(m),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Service is the counters of a service, made when first asked for; "" counts requests that
// no router took. Ask once for each table, not for each request.
func (m *Metrics) Service(name string) *ServiceMetrics {
	return counters(m, m.services, name)
}

// EntryPoint is the counters of an entry point, made when first asked for.
func (m *Metrics) EntryPoint(name string) *EntryPointMetrics {
	return counters(m, m.entryPoints, name)
}

func counters[T any](m *Metrics, all map[string]*T, name string) *T {
	m.mu.RLock()
	c := all[name]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c = all[name]; c == nil {
		c = new(T)
		all[name] = c
	}
	return c
}

// Keep forgets all services but the named ones and "": their series end. Requests that are
// still under way may go on counting; nobody will see it.
func (m *Metrics) Keep(names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := make(map[string]bool, len(names)+1)
	kept[""] = true
	for _, name := range names {
		kept[name] = true
	}
	for name := range m.services {
		if !kept[name] {
			delete(m.services, name)
		}
	}
}
