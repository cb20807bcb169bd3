package balancer

import (
	"math"
	"sync/atomic"
	"time"
)

// fading is a number that halves each halfLife by itself. Its zero value is 0. Time (in
// whole seconds) and value share one word, so that it needs no lock.
type fading struct{ packed atomic.Uint64 }

// halfLife of what is remembered of sessions and answer times.
const halfLife = time.Minute

// fade[s] is what is left of 1 after s seconds.
var fade = func() (table [1024]float32) {
	for s := range table {
		table[s] = float32(math.Exp2(-float64(s) / halfLife.Seconds()))
	}
	return table
}()

// read is the value at the time now.
func (f *fading) read(now time.Duration) float32 {
	return unpack(f.packed.Load(), uint32(now/time.Second))
}

func unpack(packed uint64, second uint32) float32 {
	if packed == 0 {
		return 0
	}
	value := math.Float32frombits(uint32(packed))
	age := int64(second) - int64(packed>>32)
	switch {
	case age <= 0: // another request was a little faster
		return value
	case age < int64(len(fade)):
		return value * fade[age]
	}
	return 0
}

func (f *fading) update(now time.Duration, next func(float32) float32) {
	second := uint32(now / time.Second)
	for {
		old := f.packed.Load()
		value := next(unpack(old, second))
		packed := uint64(max(second, uint32(old>>32)))<<32 | uint64(math.Float32bits(value))
		if f.packed.CompareAndSwap(old, packed) {
			return
		}
	}
}

// add adds one.
func (f *fading) add(now time.Duration) {
	f.update(now, func(v float32) float32 { return v + 1 })
}

// average moves the value an eighth of the way to the sample.
func (f *fading) average(now time.Duration, sample float64) {
	f.update(now, func(v float32) float32 {
		if v == 0 {
			return float32(sample)
		}
		return v + (float32(sample)-v)/8
	})
}

// newFading makes one that shares its cache line with no other: they are written by every
// request that begins a session, and read by those for other seats.
func newFading() *fading {
	return &new(struct {
		fading
		_ [56]byte
	}).fading
}
