package rule

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A value is what stands between a matcher's parentheses.
type value struct {
	text   string
	offset int  // of its quote
	raw    bool // in back-ticks and as written: offsets in text are offsets in the rule
}

// at is the offset in the rule of the value's byte i.
func (v value) at(i int) int {
	if v.raw {
		return v.offset + 1 + i
	}
	return v.offset
}

func (p *parser) value(m *matcher) (value, error) {
	p.space()
	start := p.pos
	switch {
	case p.take("`"):
		text, _, closed := strings.Cut(p.text[p.pos:], "`")
		if !closed {
			return value{}, p.errorf(start, "", "this back-tick has no other that closes it")
		}
		p.pos += len(text) + 1
		clean := strings.ReplaceAll(text, "\r", "") // as the Go specification says of raw strings
		return value{text: clean, offset: start, raw: clean == text}, nil
	case p.take(`"`):
		text, err := p.quoted(start)
		return value{text: text, offset: start}, err
	}
	cure := "write values in back-ticks: " + m.example()
	switch {
	case start == len(p.text):
		return value{}, p.errorf(start, cure, "the rule ends where a value should follow")
	case p.text[start] == '\\':
		cure = "write back-ticks, or double quotes without a backslash before them"
	}
	return value{}, p.errorf(start, cure, "unexpected %s", p.current())
}

// quoted reads the rest of a string in double quotes, escapes as in Go.
func (p *parser) quoted(start int) (string, error) {
	var b []byte
	for {
		rest := p.text[p.pos:]
		if rest == "" || rest[0] == '\n' {
			return "", p.errorf(start, "", "this double quote has no other that closes it")
		}
		if rest[0] == '"' {
			p.pos++
			return string(b), nil
		}
		r, multibyte, tail, err := strconv.UnquoteChar(rest, '"')
		if err != nil {
			return "", p.errorf(p.pos, "double a backslash in double quotes, or write back-ticks",
				"no Go string has this escape")
		}
		if r < utf8.RuneSelf || !multibyte {
			b = append(b, byte(r))
		} else {
			b = utf8.AppendRune(b, r)
		}
		p.pos = len(p.text) - len(tail)
	}
}

func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// ahead reports whether sign comes next.
func (p *parser) ahead(sign string) bool {
	p.space()
	return strings.HasPrefix(p.text[p.pos:], sign)
}

// take steps over sign if it comes next.
func (p *parser) take(sign string) bool {
	if !p.ahead(sign) {
		return false
	}
	p.pos += len(sign)
	return true
}

// word steps over letters and digits and returns them.
func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

// current is the word or character at the parser's place, for a message.
func (p *parser) current() string {
	if word := p.word(); word != "" {
		return word
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return strconv.QuoteRune(r)
}
