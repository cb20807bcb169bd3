package labels

import (
	"slices"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func TestATaskHasEndedOnlyIfTheClusterHasItNoLonger(t *testing.T) {
	before := &discovery.Snapshot{Services: []discovery.Service{
		{Name: "a", Tasks: []discovery.Task{{ID: "t3"}, {ID: "t1"}}},
		{Name: "b", Tasks: []discovery.Task{{ID: "t1"}, {ID: "t2"}}},
	}}
	// t2 lives on in a service that nothing routes to any more.
	cluster := Cluster{Services: []Service{{Name: "unrouted", Tasks: []Task{{ID: "t2"}}}}}
	if got := cluster.Ended(before); !slices.Equal(got, []string{"t1", "t3"}) {
		t.Errorf("ended: %q", got)
	}
	if got := cluster.Ended(nil); got != nil {
		t.Errorf("ended before anything was seen: %q", got)
	}
}
