// Package rule is the language in which a router says which requests are its own:
// Traefik's v3 rules for HTTP, such as
//
//	Host(`shop.example.com`) && (PathPrefix(`/api`) || Method(`POST`))
//
// A rule is parsed once and asked often: Match allocates nothing and may be called from
// many goroutines at once. What is specific to one request (its host without a port, its
// path as rules see it, its query) is worked out once a request, in a Request.
//
// The reference is Traefik's documentation "HTTP Routers Rules & Priority" and, where
// that is silent, the behaviour of its pkg/muxer/http.
package rule

import "strings"

// A Rule is a parsed rule. It never changes.
type Rule struct {
	text   string
	root   node
	doubts []*SyntaxError
}

// Limits of what Parse takes. The first holds some 2,000 hosts in one rule, the second is far
// beyond what a person can read; both keep a hostile label from costing more than it should.
const (
	maxLength = 64 << 10 // bytes of text
	maxDepth  = 100      // parentheses and ! within one another
)

// Parse reads a rule. The error is a *SyntaxError.
func Parse(text string) (*Rule, error) {
	p := parser{text: text}
	root, err := p.rule()
	if err != nil {
		return nil, err
	}
	return &Rule{text: text, root: root, doubts: p.doubts}, nil
}

// Match reports whether the request is one of the rule's. It is safe for concurrent use with
// different Requests.
func (r *Rule) Match(q *Request) bool { return r.root.match(q) }

// Text is the rule as it was written. Its length in bytes is a router's default priority.
func (r *Rule) Text() string { return r.text }

// String is the rule in a uniform spelling, which parses to the same rule.
func (r *Rule) String() string {
	var b strings.Builder
	r.root.render(&b)
	return b.String()
}

// Doubts are the parts of the rule that are legal but can never match what they seem to
// mean, most of them in the syntax of Traefik v2. They are taken literally, as Traefik v3 does.
func (r *Rule) Doubts() []*SyntaxError { return r.doubts }
