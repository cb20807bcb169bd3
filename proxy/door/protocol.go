package door

import (
	"errors"
	"fmt"
	"strings"
)

// Proxy and door speak in packets (SOCK_SEQPACKET), one each way for each connection. The proxy asks
//
//	fairlead-door 1 tcp web
//
// and the door answers "ok [::]:80" with the socket, or "no" and the reason. The connection then stays open for as
// long as both live: its end is how each learns of the other's. A door that is told to end, and takes its network
// namespace along, says "going" before, and waits for the proxy's end of it. "fairlead-door 1 look" is answered
// without a socket.
const (
	network  = "unixpacket"
	greeting = "fairlead-door"
	version  = "1"
	look     = "look"
	ok       = "ok "
	no       = "no "
	going    = "going"
	longest  = 1024 // bytes of a packet
)

// Networks of sockets.
const (
	TCP = "tcp" // a listening socket
	UDP = "udp"
)

// A wish is what a proxy asks for: the socket of an entry point.
type wish struct{ network, name string }

func (w wish) String() string { return w.network + " " + w.name }

// packet is a question in the door's language.
func packet(question string) []byte { return []byte(greeting + " " + version + " " + question) }

// parse reads a question; look is the wish of nothing. The error is for whoever asked.
func parse(packet string) (wish, error) {
	hello, rest, _ := strings.Cut(packet, " ")
	spoken, question, _ := strings.Cut(rest, " ")
	switch {
	case hello != greeting:
		return wish{}, fmt.Errorf("this is a door of Fairlead, and that was no question of a proxy: %.40q", packet)
	case spoken != version:
		return wish{}, fmt.Errorf("this door speaks version %s, the proxy %.10q: run both from the same image", version, spoken)
	case question == look:
		return wish{}, nil
	}
	// Names know no case: the environment, where options may come from, has none.
	kind, name, _ := strings.Cut(strings.ToLower(question), " ")
	if kind != TCP && kind != UDP || name == "" {
		return wish{}, fmt.Errorf("there are sockets of %s and %s, with a name; asked was for %.40q", TCP, UDP, question)
	}
	return wish{kind, name}, nil
}

// read takes the answer of a door apart: what follows its "ok", or its reason for "no" as the error.
func read(answer string) (string, error) {
	if rest, granted := strings.CutPrefix(answer, ok); granted {
		return rest, nil
	}
	if reason, refused := strings.CutPrefix(answer, no); refused {
		return "", errors.New(reason)
	}
	return "", fmt.Errorf("no door of Fairlead is there: the answer was %.40q", answer)
}
