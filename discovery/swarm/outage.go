package swarm

import (
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"
)

// outage is a time in which the cluster cannot be seen. It is logged when it begins and when it
// ends. An outage may change its nature (the engine is back, but its Swarm is locked): each cure is
// said once.
type outage struct {
	log      zerolog.Logger
	endpoint string

	seen  time.Time // when the cluster answered last; zero: never
	since time.Time
	tries int
	said  map[string]bool
}

// failed takes note of a failure and returns how long to wait before the next try: half of
// a span that doubles from 100 ms to the longest interval, and as much again at random.
func (o *outage) failed(now time.Time, err error) time.Duration {
	if o.tries == 0 {
		o.since, o.said = now, map[string]bool{}
	}
	wait := min(100*time.Millisecond<<min(o.tries, 5), longestInterval) / 2
	o.tries++
	if cure := cureFor(err, o.endpoint); !o.said[cure] {
		o.said[cure] = true
		line := o.log.Error().Err(err).Str("endpoint", o.endpoint).Str("cure", cure)
		if o.seen.IsZero() {
			line.Msg("cannot see the cluster; nothing is routed until it answers")
		} else {
			line.Msg("cannot see the cluster; the state of " + o.seen.Format(time.TimeOnly) + " stays in force")
		}
	}
	return wait + rand.N(wait)
}

// ended takes note of an answer in full.
func (o *outage) ended(now time.Time) {
	if o.tries > 0 {
		o.log.Info().Str("endpoint", o.endpoint).Dur("lasted", now.Sub(o.since)).Int("tries", o.tries).
			Msg("the cluster can be seen again")
	}
	o.seen, o.tries = now, 0
}
