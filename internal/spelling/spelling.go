// Package spelling finds what was meant by a mistyped name.
package spelling

// Distance is the number of letters to insert, drop, replace or swap with their neighbour to
// make b of a (optimal string alignment), or bound if it is not less.
func Distance(a, b string, bound int) int {
	if a == b {
		return 0
	}
	if len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = above[j-1]
			if a[i-1] != b[j-1] {
				row[j] = 1 + min(above[j-1], above[j], row[j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], bound)
}

// Nearest is the known name that is nearest to the one given, "" if none is near: at most a
// third of its letters, and no fewer than two, may be wrong. The first of equals wins.
func Nearest(name string, known []string) string {
	best, least := "", 1+max(2, len(name)/3)
	for _, k := range known {
		if d := Distance(name, k, least); d < least {
			best, least = k, d
		}
	}
	return best
}
