package rule

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A SyntaxError says what is wrong with a rule, where, and what to do about it.
type SyntaxError struct {
	// Text is the whole rule.
	Text string
	// Offset of the character at fault, in bytes from the start of Text; len(Text) for the end.
	Offset int
	// Msg says what is wrong, in a clause without a full stop.
	Msg string
	// Cure says what to write instead, likewise; "" if nobody can know.
	Cure string
}

// Error is the fault as one line. Characters are counted from 1.
func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("rule: character %d: %s", utf8.RuneCountInString(e.Text[:e.Offset])+1, e.Msg)
	if e.Cure != "" {
		s += "; " + e.Cure
	}
	return s
}

// Caret is the line of the rule that is at fault, and below it a caret under the character.
func (e *SyntaxError) Caret() string {
	start := strings.LastIndexByte(e.Text[:e.Offset], '\n') + 1
	line, _, _ := strings.Cut(e.Text[start:], "\n")
	line = strings.TrimSuffix(line, "\r")
	// A tab stays a tab, so that the caret stands right whatever a tab's width is.
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.Text[start:e.Offset])
	return line + "\n" + indent + "^"
}
