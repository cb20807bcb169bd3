package balancer

import (
	"cmp"
	"slices"
)

// maxWheel bounds the places of a wheel; more members than that have one each.
const maxWheel = 4096

// newWheel makes the sequence in which weighted round robin goes round: as many places for
// each member as its weight, spread evenly, so that a heavy member is not taken many times
// in a row. Weights whose sum is beyond maxWheel are approximated.
func newWheel(members []member) []int32 {
	common, sum := 0, 0.0
	for _, m := range members {
		common = divisor(common, m.weight)
	}
	for _, m := range members {
		sum += float64(m.weight) / float64(max(common, 1))
	}
	type place struct {
		at     float64 // from 0 to 1
		member int32
	}
	var places []place
	for i, m := range members {
		n := m.weight / max(common, 1)
		if n > 0 && sum > maxWheel {
			n = max(1, int(float64(n)/sum*maxWheel))
		}
		for k := range n {
			places = append(places, place{(float64(k) + 0.5) / float64(n), int32(i)})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	wheel := make([]int32, len(places))
	for i, p := range places {
		wheel[i] = p.member
	}
	return wheel
}

// divisor is the greatest common one.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
