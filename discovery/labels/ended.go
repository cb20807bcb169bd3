package labels

import (
	"slices"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// Ended are the tasks of an earlier snapshot that the cluster has no longer, for Snapshot.Ended. Those
// that it has and does not route any more are not among them. before may be nil.
func (c Cluster) Ended(before *discovery.Snapshot) []string {
	if before == nil {
		return nil
	}
	gone := map[string]bool{}
	for _, s := range before.Services {
		for _, t := range s.Tasks {
			gone[t.ID] = true
		}
	}
	for _, s := range c.Services {
		for _, t := range s.Tasks {
			delete(gone, t.ID)
		}
	}
	var ids []string
	for id := range gone {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
