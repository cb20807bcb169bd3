package admin

import (
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A collector turns the counters and gauges into series when Prometheus asks, so that what
// vanished has none and a request pays for nothing but its counters.
type collector struct {
	m *Metrics

	requests, durations, retries, moves, held, told, inFlight *prometheus.Desc
	ready, backends, age, problems                            *prometheus.Desc
}

func newCollector(m *Metrics) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("fairlead_"+name, help, labels, nil)
	}
	return &collector{
		m:         m,
		requests:  desc("requests_total", "Requests answered, by status code.", "service", "code"),
		durations: desc("request_duration_seconds", "Time from the head of a request to the end of its answer.", "service"),
		retries:   desc("retries_total", "Further tries of requests after the first.", "service"),
		moves:     desc("moves_total", "Sessions given another backend than the one they were pinned to.", "service", "reason"),
		held:      desc("requests_held", "Requests that wait for a backend.", "service"),
		told:      desc("websockets_told_total", "WebSockets whose client was told to go.", "service", "reason"),
		inFlight:  desc("requests_in_flight", "Requests being answered.", "entrypoint"),
		ready:     desc("ready_backends", "Backends that take requests.", "service"),
		backends:  desc("backends", "Backends, by state.", "service", "state"),
		age:       desc("snapshot_age_seconds", "Time since the cluster last answered in full; +Inf before it first did."),
		problems:  desc("problems", "What operators wrote that cannot work; /problems lists it."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.requests, c.durations, c.retries, c.moves, c.held, c.told, c.inFlight, c.ready, c.backends, c.age, c.problems} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.collectCounters(out)
	for _, p := range c.m.gauges.Pools() {
		name := label(p.Service)
		gauge(out, c.ready, float64(p.Ready), name)
		states := map[string]int{}
		for _, b := range p.Backends {
			states[b.State]++
		}
		for state, n := range states {
			gauge(out, c.backends, float64(n), name, state)
		}
	}
	age := math.Inf(1)
	if seen := c.m.gauges.Status().Seen; !seen.IsZero() {
		age = time.Since(seen).Seconds()
	}
	gauge(out, c.age, age)
	gauge(out, c.problems, float64(len(c.m.gauges.Problems())))
}

func (c *collector) collectCounters(out chan<- prometheus.Metric) {
	c.m.mu.RLock()
	defer c.m.mu.RUnlock()
	for name, e := range c.m.entryPoints {
		gauge(out, c.inFlight, float64(e.inFlight.Load()), label(name))
	}
	for name, s := range c.m.services {
		c.collectService(out, label(name), s)
	}
}

func (c *collector) collectService(out chan<- prometheus.Metric, name string, s *ServiceMetrics) {
	for i := range s.codes {
		if n := s.codes[i].Load(); n > 0 {
			counter(out, c.requests, n, name, codeName(i))
		}
	}
	buckets, count := make(map[float64]uint64, len(bounds)), uint64(0)
	for i, b := range bounds {
		count += s.buckets[i].Load()
		buckets[b.Seconds()] = count
	}
	count += s.buckets[len(bounds)].Load()
	out <- prometheus.MustNewConstHistogram(c.durations, count, time.Duration(s.duration.Load()).Seconds(), buckets, name)
	counter(out, c.retries, s.retries.Load(), name)
	for i := range s.moves {
		if n := s.moves[i].Load(); n > 0 || i < len(reasons) {
			counter(out, c.moves, n, name, reasonName(i))
		}
	}
	gauge(out, c.held, float64(s.held.Load()), name)
	for i, why := range partings {
		counter(out, c.told, s.told[i].Load(), name, why)
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, n uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

// label is a name as the client library takes it: with other bytes it panics.
func label(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }
