package swarm

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"

	"github.com/docker/docker/api/types/swarm"

	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

func recorded[T any](t *testing.T, name, list string) (out []T) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, name, list), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheProxyFindsItsOwnTask(t *testing.T) {
	tasks := recorded[swarm.Task](t, "steady", "tasks")
	i := slices.IndexFunc(tasks, func(t swarm.Task) bool { return t.ID[:5] == "fleax" })
	id := tasks[i].Status.ContainerStatus.ContainerID
	address := netip.MustParsePrefix(tasks[i].NetworksAttachments[0].Addresses[0]).Addr()
	bridge := netip.MustParseAddr("172.18.0.5")
	for name, x := range map[string]struct {
		self  Self
		found bool
	}{
		"by the host name":                          {Self{Containers: []string{id[:12]}}, true},
		"by what is mounted":                        {Self{Containers: []string{"deadbeef0123", id}}, true},
		"by its addresses":                          {Self{Addresses: []netip.Addr{bridge, address}}, true},
		"another container's id, its own addresses": {Self{Containers: []string{"deadbeef0123"}, Addresses: []netip.Addr{address}}, true},
		"outside":       {Self{Containers: []string{"deadbeef0123"}, Addresses: []netip.Addr{bridge}}, false},
		"nothing known": {Self{}, false},
	} {
		var o own
		o.find(tasks, func() Self { return x.self })
		if found := o.id == tasks[i].ID; found != x.found {
			t.Errorf("%s: found %q", name, o.id)
		}
		if x.found && (len(o.networks) != 1 || o.networks[0].Name != "swtest_net") || !x.found && o.networks != nil {
			t.Errorf("%s: networks %v", name, o.networks)
		}
	}
}

func TestIngressIsNoNetworkOfTheProxyAndNoneIsNotUnknown(t *testing.T) {
	ingress := swarm.NetworkAttachment{Network: swarm.Network{ID: "i", Spec: swarm.NetworkSpec{Ingress: true}}, Addresses: []string{"10.0.0.9/24"}}
	host := swarm.NetworkAttachment{Network: swarm.Network{ID: "h"}}
	k := taskOf("k", "proxy")
	k.NetworksAttachments = []swarm.NetworkAttachment{ingress, host}
	o := own{id: "k"}
	o.find([]swarm.Task{k}, nil)
	if !slices.Equal(o.networks, []labels.Network{}) || o.networks == nil {
		t.Errorf("networks %#v, want an empty list", o.networks)
	}
}

func TestTheContainerIsReadFromMountinfo(t *testing.T) {
	const id = "0c8d877a6796293407ee47574c08ee00243e5e3691ffa217234e0b77390e9c41"
	for line, want := range map[string]string{
		"201 163 254:0 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw": id,
		"202 163 254:0 /docker/containers/" + id + "/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda rw":   id,
		"203 163 0:40 / /etc/hostname rw,relatime - tmpfs tmpfs rw":                                                 "",
		"204 163 254:0 /var/lib/docker/containers/" + id + "/hostname /mnt/other rw,relatime - ext4 /dev/vda rw":    "",
		"205 163 254:0 /var/lib/docker/volumes/data/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw":          "",
		"206": "",
	} {
		if got := mountedFrom(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
