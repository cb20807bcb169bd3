package demo

import (
	"strings"
	"unicode/utf8"
)

// style is the parameters of an ANSI SGR sequence; "" is plain.
type style string

const (
	plain style = ""
	bold  style = "1"
	dim   style = "2"
	good  style = "32"
	warn  style = "33"
	bad   style = "1;31"
)

// span is text in one style.
type span struct {
	style style
	text  string
}

// line is one row of the screen.
type line []span

// render cuts a line at width and gives it its colours, if any are wanted.
func (l line) render(width int, colours bool) string {
	var b strings.Builder
	for _, s := range l {
		text := cut(s.text, width)
		width -= utf8.RuneCountInString(text)
		if colours && s.style != plain && text != "" {
			b.WriteString("\x1b[" + string(s.style) + "m" + text + "\x1b[0m")
		} else {
			b.WriteString(text)
		}
	}
	return b.String()
}

// cut keeps the first width characters. What could move the cursor is replaced: failures carry what
// others wrote.
func cut(s string, width int) string {
	var b strings.Builder
	for _, r := range s {
		if width--; width < 0 {
			break
		}
		if r < ' ' || r == utf8.RuneError || 0x7f <= r && r < 0xa0 {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}
