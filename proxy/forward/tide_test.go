package forward

import (
	"io"
	"net"
	"testing"

	"github.com/fairlead-proxy/fairlead/proxy/wire"
)

func TestATunnelKeepsASmallBufferWhileItWaits(t *testing.T) {
	d := newTide()
	defer d.free()
	for _, c := range []struct{ read, next int }{
		{wire.PageSize - 1, wire.PageSize},
		{wire.PageSize, 32 << 10},
		{32 << 10, 32 << 10},
		{wire.PageSize + 1, 32 << 10},
		{wire.PageSize, wire.PageSize},
	} {
		if d.took(c.read); len(d.buffer()) != c.next {
			t.Errorf("after %d bytes the next read may take %d, want %d", c.read, len(d.buffer()), c.next)
		}
	}
}

func BenchmarkTunnelCopy(b *testing.B) {
	for name, way := range map[string]func(io.Writer, io.Reader) error{
		"tide": relay,
		"io.Copy": func(w io.Writer, r io.Reader) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 32<<10))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer ln.Close()
			const block = 1 << 20
			b.SetBytes(block)
			go func() {
				c, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					return
				}
				defer c.Close()
				for p := make([]byte, block); ; {
					if _, err := c.Write(p); err != nil {
						return
					}
				}
			}()
			c, err := ln.Accept()
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.ResetTimer()
			if err := way(io.Discard, io.LimitReader(c, int64(b.N)*block)); err != nil {
				b.Error(err)
			}
		})
	}
}
