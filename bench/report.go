//go:build linux

package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// results are all readings, in the order in which they were made.
type results struct {
	plan       plan
	peers      []*peer
	footprints map[*peer][]footprint
	readings   map[*peer][][]reading // by scenario
}

func newResults(p plan, all []*peer) *results {
	r := &results{plan: p, peers: all, footprints: map[*peer][]footprint{}, readings: map[*peer][][]reading{}}
	for _, peer := range all {
		r.readings[peer] = make([][]reading, len(scenarios))
	}
	return r
}

// baseline is whom the others are compared with.
const baseline = "nginx"

// markdown is the report.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n\n%s\n\n", time.Now().UTC().Format(time.DateOnly), machine(), r.about())
	b.WriteString("| CPU time a request | " + r.heads("%s", "%s ÷ "+baseline) + "\n|---|" + strings.Repeat("--:|", 2*len(r.peers)-1) + "\n")
	for i, s := range scenarios {
		r.row(&b, s.name, "%.1f µs", func(p *peer) float64 {
			return median(calmer(r.readings[p][i]), func(x reading) float64 { return float64(x.cpu.Nanoseconds()) / 1e3 })
		})
	}
	r.row(&b, "memory after the start, MB", "%.1f", func(p *peer) float64 {
		return median(r.footprints[p], func(f footprint) float64 { return float64(f.start) / 1024 })
	})
	r.row(&b, "memory for each idle connection, KB", "%.1f", func(p *peer) float64 {
		return median(r.footprints[p], func(f footprint) float64 { return f.perIdle })
	})
	b.WriteString("\n| requests a second; part of the core in use | " + r.heads("%s", "") + "\n|---|" + strings.Repeat("--:|", len(r.peers)) + "\n")
	for i, s := range scenarios {
		fmt.Fprintf(&b, "| %s |", s.name)
		for _, p := range r.peers {
			calm := calmer(r.readings[p][i])
			rate := median(calm, func(x reading) float64 { return x.rate })
			busy := median(calm, func(x reading) float64 { return x.busy })
			fmt.Fprintf(&b, " %.0f; %.0f %% |", rate, 100*busy)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// heads are the columns' names: each peer's, and those of the ratios if there are any.
func (r *results) heads(name, ratio string) string {
	var b strings.Builder
	for _, p := range r.peers {
		fmt.Fprintf(&b, name+" | ", p.name)
	}
	for _, p := range r.peers {
		if ratio != "" && p.name != baseline {
			fmt.Fprintf(&b, ratio+" | ", p.name)
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

// row is a value of each peer, and how much of the baseline's it is.
func (r *results) row(b *strings.Builder, name, format string, of func(*peer) float64) {
	base := 0.0
	fmt.Fprintf(b, "| %s |", name)
	for _, p := range r.peers {
		if p.name == baseline {
			base = of(p)
		}
		fmt.Fprintf(b, " "+format+" |", of(p))
	}
	for _, p := range r.peers {
		if p.name != baseline {
			fmt.Fprintf(b, " %.2f |", of(p)/base)
		}
	}
	b.WriteString("\n")
}

// about says how it was measured, and how much others disturbed it.
func (r *results) about() string {
	var versions []string
	var disturbed []float64
	for _, p := range r.peers {
		versions = append(versions, p.tell())
		for _, s := range r.readings[p] {
			for _, x := range calmer(s) {
				disturbed = append(disturbed, 100*x.others)
			}
		}
	}
	slices.Sort(disturbed)
	return fmt.Sprintf("%s. Made by `%s`: %d rounds of %s; medians of the calmer half, in which other processes took %.0f %% of the proxies' core (at most %.0f %%).",
		strings.Join(versions, "; "), r.plan.command, r.plan.rounds, r.plan.length, middle(disturbed), disturbed[len(disturbed)-1])
}

// calmer is the half of the readings, or more, that other processes disturbed least.
func calmer(readings []reading) []reading {
	sorted := slices.SortedFunc(slices.Values(readings), func(a, b reading) int { return cmp.Compare(a.others, b.others) })
	return sorted[:(len(sorted)+1)/2]
}

// median of what of makes of the values, which are not none.
func median[T any](values []T, of func(T) float64) float64 {
	var all []float64
	for _, v := range values {
		all = append(all, of(v))
	}
	slices.Sort(all)
	return middle(all)
}

// middle is the median of sorted numbers.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// machine is the processor and the kernel.
func machine() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	_, rest, _ := strings.Cut(string(info), "model name")
	name, _, _ := strings.Cut(rest, "\n")
	name = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
	cores := strings.Count(string(info), "processor\t")
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s (%s), %d cores, Linux %s, %s", name, runtime.GOARCH, cores, strings.TrimSpace(string(release)), runtime.Version())
}
