package forward

import "github.com/fairlead-proxy/fairlead/proxy/wire"

// A tide is the buffer of one direction of a tunnel. It is small while little comes, because most
// tunnels wait most of the time, and there are many.
type tide struct {
	small *wire.Page
	large *[32 << 10]byte // nil unless the last read filled what there was
}

func newTide() *tide { return &tide{small: wire.Pages.Get().(*wire.Page)} }

// buffer is what the next read may fill.
func (t *tide) buffer() []byte {
	if t.large != nil {
		return t.large[:]
	}
	return t.small[:]
}

// took tells how much the last read filled, once its bytes are used.
func (t *tide) took(n int) {
	switch {
	case t.large == nil && n == len(t.small):
		t.large = copyBuffers.Get().(*[32 << 10]byte)
	case t.large != nil && n <= len(t.small):
		copyBuffers.Put(t.large)
		t.large = nil
	}
}

// free gives all of it back.
func (t *tide) free() {
	t.took(0)
	wire.Pages.Put(t.small)
}
