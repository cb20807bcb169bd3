package rule

import (
	"errors"
	"strings"
	"testing"
)

// The caret stands where the mistake is; the cure says what to write.
func TestAnErrorPointsAtTheCharacterAndNamesTheCure(t *testing.T) {
	for _, tc := range []struct{ rule, caret, msg, cure string }{
		{"", "^", "the rule is empty", "write for instance Host(`example.com`)"},
		{"  ", "  ^", "the rule is empty", "Host(`example.com`)"},
		{"rulewithoutmatcher", "^", "unknown matcher rulewithoutmatcher", "the matchers are ClientIP, Header,"},
		{"Host", "    ^", "Host has no ( after it", "write Host(`example.com`)"},
		{"Host:example.com", "    ^", "Host has no ( after it", "write Host(`example.com`)"},
		{"Host(example.com)", "     ^", "unexpected example", "write values in back-ticks: Host(`example.com`)"},
		{"Host('a')", "     ^", `unexpected '\''`, "back-ticks"},
		{`Host(\"a\")`, "     ^", `unexpected '\\'`, "without a backslash"},
		{"Host(", "     ^", "the rule ends where a value should follow", "back-ticks"},
		{"Host(`a`", "    ^", "this ( is never closed", ""},
		{"(Host(`a`)", "^", "this ( is never closed", ""},
		{"Host(`a`))", "         ^", `unexpected ')'`, "there is no ( for it"},
		{"Host(`a)", "     ^", "this back-tick has no other that closes it", ""},
		{"Host(\"a\n\")", "     ^", "this double quote has no other that closes it", ""},
		{`Host("a\.b")`, "       ^", "no Go string has this escape", "back-ticks"},
		{"Host(`a` `b`)", "         ^", "unexpected '`'", "write , between values"},
		{"Host(`a`) &&", "            ^", "the rule ends where a matcher should follow", ""},
		{"Host(`a`) & Path(`/`)", "          ^", "unexpected '&'", "write && for both"},
		{"Host(`a`) | Path(`/`)", "          ^", "unexpected '|'", "write || for either"},
		{"Host(`a`); Path(`/`)", "         ^", "unexpected ';'", "write && for both"},
		{"Host(`a`) AND Path(`/`)", "          ^", "unexpected AND", "write &&"},
		{"Host(`a`) Path(`/`)", "          ^", "unexpected Path", "&& (both) or || (either)"},
		{"(Host(`a`) or Path(`/`))", "           ^", "unexpected or", "write ||"},
		{"Host(`é`) && !Hots(`b`)", "      ^", "Host takes ASCII only", "punycode"},
		{"Path(`/é`) && !Hots(`b`)", "               ^", "unknown matcher Hots", "write Host"},
		{"pathPrefix(`/`)", "^", "unknown matcher pathPrefix", "write PathPrefix"},
		{"PathPrefixes(`/`)", "^", "unknown matcher PathPrefixes", "write PathPrefix"},
		{"Headers(`a`, `b`)", "^", "unknown matcher Headers", "Traefik v3 writes Header(`X-Name`, `value`)"},
		{"HostHeader(`a`)", "^", "unknown matcher HostHeader", "Traefik v3 writes Host("},
		{"HostSNI(`*`)", "^", "unknown matcher HostSNI", "TCP routers"},
		{"Host(`a`, `b`)", "^", "Host takes 1 value, not 2", "write (Host(`a`) || Host(`b`))"},
		{"Path(`/`) && PathPrefix(`/a`, `/b`)", "             ^", "PathPrefix takes 1 value, not 2", "write (PathPrefix(`/a`) || PathPrefix(`/b`))"},
		{"Host()", "^", "Host takes 1 value, not 0", "Host(`example.com`)"},
		{"Header(`a`)", "^", "Header takes 2 values, not 1", "Header(`X-Name`, `value`)"},
		{"Query(`a`, `b`, `c`)", "^", "Query takes 1 or 2 values, not 3", "Query(`name`, `value`)"},
		{"Host(``)", "     ^", "Host has an empty value", "Host(`example.com`)"},
		{"Query(`q`, ``)", "           ^", "Query has an empty value", ""},
		{"Path(`css`)", "      ^", "the path of Path has no / at its start", "write Path(`/css`)"},
		{"PathRegexp(`^/(css`)", "            ^", "missing closing )", "RE2"},
		{"HostRegexp(`a[z-b]c`)", "              ^", "invalid character class range at z-b", "RE2"},
		{"HostRegexp(`é.com`)", "            ^", "HostRegexp takes ASCII only", "punycode"},
		{"ClientIP(`10.0.0`)", "          ^", `"10.0.0" is neither an address nor a network`, "192.168.1.0/24"},
		{"ClientIP(`fe80::1%eth0`)", "          ^", "neither an address nor a network", ""},
		{"Host(`a`) ||\n\tPaht(`/`) ||\nPath(`/`)", "\t^", "unknown matcher Paht", "write Path"},
		{"Host(`a\xff`)", "       ^", "not UTF-8", ""},
		{strings.Repeat("!", 200) + "Host(`a`)", strings.Repeat(" ", maxDepth) + "^", "more than 100", ""},
		{strings.Repeat(" ", maxLength+1), "^", "more than 65536", "several routers"},
	} {
		_, err := Parse(tc.rule)
		e, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("Parse(%.60q) gives %v", tc.rule, err)
			continue
		}
		_, caret, _ := strings.Cut(e.Caret(), "\n")
		if caret != tc.caret || !strings.Contains(e.Msg, tc.msg) || !strings.Contains(e.Cure, tc.cure) {
			t.Errorf("Parse(%.60q):\n%.200s\nmsg %s\ncure %s\nwant the caret at %d", tc.rule, e.Caret(), e.Msg, e.Cure, len(tc.caret))
		}
	}
}

func TestAnErrorIsOneLine(t *testing.T) {
	_, err := Parse("Path(`/é`) && Hots(`b`)")
	if got, want := err.Error(), "rule: character 15: unknown matcher Hots; write Host"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Legal in v3, and taken literally there: an operator who brings it from v2 is told.
func TestWhatCannotMatchAsMeantIsDoubted(t *testing.T) {
	for _, tc := range []struct {
		rule   string
		offset int
		cure   string
	}{
		{"PathPrefix(`/{id:[0-9]+}/x.y`)", 13, "PathRegexp(`^/[0-9]+/x\\.y`)"},
		{"Path(`/{a:b|c}/{d}`)", 7, "PathRegexp(`^/(b|c)/[^/]+$`)"},
		{"Path(`/{a:[0-9]{2}}`)", 7, "PathRegexp(`^/[0-9]{2}$`)"},
		{"HostRegexp(`{sub:[a-z]+}.example.com`)", 12, "HostRegexp(`^[a-z]+\\.example\\.com$`)"},
		{"HostRegexp(`{sub}.example.com`)", 12, "HostRegexp(`^[^.]+\\.example\\.com$`)"},
		{"HeaderRegexp(`X-A`, `http{s:s?}`)", 25, "HeaderRegexp(`X-A`, `https?`)"},
		{"Host(`a.com,b.com`)", 11, "(Host(`a.com`) || Host(`b.com`))"},
		{"Host(`https://a.com/x`)", 11, "Host(`a.com`)"},
		{"Host(`a.com:8080`)", 11, "Host(`a.com`)"},
		{"Host(`a.com/x`)", 11, "Host(`a.com`)"},
		{"Host(`[::1]`)", 7, "Host(`::1`)"},
		{"Host(`a.*.com`)", 8, "star alone as the first label"},
		{"Host(`*foo.com`)", 6, "star alone as the first label"},
		{"Path(`/a?b=c`)", 8, "Query"},
		{"Path(`/a%20b`)", 8, "Path(`/a b`)"},
		{"Path(`/a%2fb`)", 8, "Path(`/a%2Fb`)"},
		{"Query(`a=b`)", 6, "Query(`a`, `b`)"},
		{"Header(`host`, `a.com`)", 7, "Host(`a.com`)"},
	} {
		doubts := mustParse(t, tc.rule).Doubts()
		if len(doubts) != 1 || doubts[0].Offset != tc.offset || !strings.Contains(doubts[0].Cure, tc.cure) {
			t.Errorf("%s: %v", tc.rule, doubts)
			for _, d := range doubts {
				t.Errorf("offset %d, cure %s", d.Offset, d.Cure)
			}
		}
	}
}

func TestWhatIsMeantAsWrittenIsNotDoubted(t *testing.T) {
	for _, text := range []string{
		"Host(`*`)", "Host(`*.a.com`)", "Host(`::1`)", "Host(`a_b.com`)", "HostRegexp(`^[a-z]{2,3}\\.com$`)",
		"PathRegexp(`^/\\p{Greek}+\\x{41}$`)", "Path(`/a%2Fb`)", "Path(`/a b`)", "Query(`a`, `b=c`)", "Header(`X`, `{a:b}`)",
	} {
		if doubts := mustParse(t, text).Doubts(); len(doubts) != 0 {
			t.Errorf("%s: %v", text, doubts)
		}
	}
}
