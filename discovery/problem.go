package discovery

import (
	"cmp"
	"slices"
)

// A Problem is something that an operator wrote and that cannot work as written.
// Two problems are the same if they are equal; so no field may hold a time or a count.
type Problem struct {
	// Subject is who has it: a Swarm service's name, a file's path, or "engine".
	Subject string
	// Label is the whole key of the label or option at fault, as written; "" if none is.
	Label string
	// Wrong says what is wrong, in a clause without a full stop: `port "80a" is not a number`.
	Wrong string
	// Cure says what to do about it, likewise: `write a number from 1 to 65535`.
	Cure string
}

// String is the problem as one line for people.
func (p Problem) String() string {
	s := p.Subject + ": "
	if p.Label != "" {
		s += p.Label + ": "
	}
	s += p.Wrong
	if p.Cure != "" {
		s += "; " + p.Cure
	}
	return s
}

// SortProblems puts problems in a stable order and drops repetitions.
func SortProblems(ps []Problem) []Problem {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Label, b.Label),
			cmp.Compare(a.Wrong, b.Wrong), cmp.Compare(a.Cure, b.Cure))
	})
	return slices.Compact(ps)
}
