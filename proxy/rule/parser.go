package rule

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// parser is a recursive descent over the text itself:
//
//	rule  = or end
//	or    = and { "||" and }
//	and   = unary { "&&" unary }
//	unary = "!" unary | "(" or ")" | name "(" [ value { "," value } [ "," ] ] ")"
//	value = a Go string in back-ticks or double quotes
//
// Spaces may stand between any two of these; in Traefik a line may end only where Go's
// grammar lets it, here anywhere.
type parser struct {
	text   string
	pos    int
	depth  int
	doubts []*SyntaxError
}

// errorf is the fault at offset; its cure may be "".
func (p *parser) errorf(offset int, cure, format string, args ...any) *SyntaxError {
	return &SyntaxError{Text: p.text, Offset: offset, Msg: fmt.Sprintf(format, args...), Cure: cure}
}

func (p *parser) rule() (node, error) {
	if len(p.text) > maxLength {
		return node{}, p.errorf(0, "share the work among several routers",
			"the rule has %d bytes, more than %d", len(p.text), maxLength)
	}
	for i, r := range p.text {
		if _, size := utf8.DecodeRuneInString(p.text[i:]); r == utf8.RuneError && size == 1 {
			return node{}, p.errorf(i, "save the text as UTF-8", "not UTF-8")
		}
	}
	n, err := p.or()
	if err != nil {
		return node{}, err
	}
	if p.space(); p.pos < len(p.text) {
		return node{}, p.unexpected()
	}
	return n, nil
}

func (p *parser) or() (node, error)  { return p.chain(opOr, "||", p.and) }
func (p *parser) and() (node, error) { return p.chain(opAnd, "&&", p.unary) }

// chain reads operands joined by sign. Operands that are themselves such a chain, in
// parentheses, dissolve into it.
func (p *parser) chain(o op, sign string, operand func() (node, error)) (node, error) {
	chain := node{op: o}
	for {
		n, err := operand()
		if err != nil {
			return node{}, err
		}
		if n.op == o {
			chain.kids = append(chain.kids, n.kids...)
		} else {
			chain.kids = append(chain.kids, n)
		}
		if !p.take(sign) {
			break
		}
	}
	if len(chain.kids) == 1 {
		return chain.kids[0], nil
	}
	return chain, nil
}

func (p *parser) unary() (node, error) {
	p.space()
	start := p.pos
	if p.depth++; p.depth > maxDepth {
		return node{}, p.errorf(start, "", "more than %d parentheses or ! within one another", maxDepth)
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("!"):
		n, err := p.unary()
		return node{op: opNot, kids: []node{n}}, err
	case p.take("("):
		n, err := p.or()
		if err == nil && !p.take(")") {
			err = p.notClosed(start)
		}
		return n, err
	}
	return p.matcher()
}

// matcher reads a name with its values and gives them a meaning.
func (p *parser) matcher() (node, error) {
	start := p.pos
	name := p.word()
	if name == "" {
		return node{}, p.unexpected()
	}
	m := lookup(name)
	if m == nil {
		return node{}, p.errorf(start, cureForName(name), "unknown matcher %s", name)
	}
	p.space()
	open := p.pos
	if !p.take("(") {
		return node{}, p.errorf(open, "write "+m.example(), "%s has no ( after it", m.name)
	}
	var values []value
	for !p.take(")") {
		v, err := p.value(m)
		if err != nil {
			return node{}, err
		}
		values = append(values, v)
		if !p.take(",") && !p.ahead(")") {
			if p.pos == len(p.text) {
				return node{}, p.notClosed(open)
			}
			return node{}, p.errorf(p.pos, "write , between values and ) after the last", "unexpected %s", p.current())
		}
	}
	return p.build(m, start, values)
}

// unexpected is the fault that something else stands where the parser is.
func (p *parser) unexpected() *SyntaxError {
	p.space()
	if p.pos == len(p.text) {
		if strings.TrimSpace(p.text) == "" {
			return p.errorf(p.pos, "write for instance "+lookup("Host").example(), "the rule is empty")
		}
		return p.errorf(p.pos, "", "the rule ends where a matcher should follow")
	}
	start, cure := p.pos, ""
	switch word := p.word(); strings.ToLower(word) {
	case "and":
		cure = "write &&"
	case "or":
		cure = "write ||"
	case "":
		cure = cureForSign(p.text[start])
	default:
		cure = "write && (both) or || (either) between matchers"
	}
	p.pos = start
	return p.errorf(start, cure, "unexpected %s", p.current())
}

func cureForSign(sign byte) string {
	switch sign {
	case '&', ';', ',':
		return "write && for both"
	case '|':
		return "write || for either"
	case ')':
		return "there is no ( for it"
	}
	return ""
}

// notClosed is the fault of a parenthesis that was opened at offset.
func (p *parser) notClosed(offset int) *SyntaxError {
	if p.space(); p.pos < len(p.text) {
		return p.unexpected()
	}
	return p.errorf(offset, "", "this ( is never closed")
}
