package demo

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// terminal is a screen of its own and keys as they are pressed. It has to be closed, whatever happens.
type terminal struct {
	in, out *os.File
	before  *term.State
	closing sync.Once
}

// ANSI and xterm control sequences.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l" // alternate screen, no cursor, no wrapping
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	eraseLine   = "\x1b[K"
	eraseBelow  = "\x1b[J"
)

func openTerminal(in, out *os.File) (*terminal, error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	t := &terminal{in: in, out: out, before: before}
	if _, err := io.WriteString(out, enterScreen); err != nil {
		t.close()
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return t, nil
}

// close restores what was there. It may be called more than once.
func (t *terminal) close() {
	t.closing.Do(func() {
		_, _ = io.WriteString(t.out, leaveScreen)
		_ = term.Restore(int(t.in.Fd()), t.before)
	})
}

// guard is deferred in each goroutine of the show: a panic shall be read on the screen that the user had.
func (t *terminal) guard() {
	if p := recover(); p != nil {
		t.close()
		panic(p)
	}
}

// size of the screen; the classic one if it does not say.
func (t *terminal) size() (width, height int) {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// show puts lines in place of those that are there. They must fit.
func (t *terminal) show(lines []string) error {
	var b bytes.Buffer
	b.WriteString(home)
	for i, l := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(l + eraseLine)
	}
	b.WriteString(eraseBelow)
	_, err := t.out.Write(b.Bytes())
	return err
}
