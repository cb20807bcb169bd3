package door

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
)

// OwnNetwork tells whether this process has the network namespace of a container, which ends with it: there is no
// interface but lo that is not one end of a pair, or has another one below. A host that runs an engine has others, the engine's
// bridges for a start.
func OwnNetwork() bool {
	all, err := net.Interfaces()
	if err != nil {
		return false
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && !linked(i.Name) {
			return false
		}
	}
	return true
}

// linked tells whether an interface hangs on another one (iflink, which for a pair's end is the other end).
func linked(name string) bool {
	index, err := os.ReadFile(filepath.Join("/sys/class/net", name, "ifindex"))
	if err != nil {
		return false
	}
	link, err := os.ReadFile(filepath.Join("/sys/class/net", name, "iflink"))
	return err == nil && !bytes.Equal(index, link)
}
