package swarm

import (
	"maps"

	"github.com/docker/docker/api/types/swarm"
)

// view is what is known of the cluster at one moment: the last listing, and what time and other
// witnesses add to it.
type view struct {
	listing listing
	tasks   []swarm.Task // that have not ended
	marks   marks        // of both
	outlook outlook
	absent  map[string]bool // as names.absent has it
}

// equal says that two views need not both be converted.
func (v view) equal(w view) bool {
	return v.marks == w.marks && v.outlook.equal(w.outlook) && maps.Equal(v.absent, w.absent)
}
