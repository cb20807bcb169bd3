package rule

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// Rules come from labels, which anybody who may deploy a stack writes; requests come from strangers.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"Host(`*.a.com`) && (PathPrefix(`/a b`) || !Path(`/c`)) && Method(`get`)",
		`Query("a") || QueryRegexp("a", "^\x62+$") && Header("x", "1") || HeaderRegexp("x", "[0-9]")`,
		"ClientIP(`10.0.0.0/8`) || HostRegexp(`{a:[a-z]+}`) || PathRegexp(`^/(x|y)`)",
		"Host(`a`, `b`)", "Headers(`a`", "PathPrefix(`/{x:..}`,)", "!(!(!Host(`*`)))", "Host(\"\\", "((", "Host:a",
	} {
		f.Add(text, "GET", "www.a.com:80", "/a%20b/c%2Fd", "a=b;c", "10.0.0.1:99")
	}
	f.Fuzz(func(t *testing.T, text, method, host, target, query, remote string) {
		r, err := Parse(text)
		if err != nil {
			e := err.(*SyntaxError)
			if e.Offset < 0 || e.Offset > len(text) || e.Error() == "" || !strings.HasSuffix(e.Caret(), "^") {
				t.Fatalf("Parse(%q): %#v", text, e)
			}
			return
		}
		again, err := Parse(r.String())
		if err != nil {
			if len(r.String()) > maxLength { // a longer spelling than the writer's
				return
			}
			t.Fatalf("%q renders as %q: %v", text, r, err)
		}
		if again.String() != r.String() || !reflect.DeepEqual(again.Keys(), r.Keys()) {
			t.Fatalf("%q renders as %q and then as %q", text, r, again)
		}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			u = &url.URL{Path: target}
		}
		u.RawQuery = query
		h := &http.Request{Method: method, Host: host, URL: u, RemoteAddr: remote, Header: http.Header{"X": {query}}}
		q := NewRequest(h)
		got := r.Match(&q)
		if again.Match(&q) != got {
			t.Fatalf("%q and %q do not agree on %s %s", text, again, host, u)
		}
		if got && !fitsOne(r.Keys(), &q) {
			t.Fatalf("%q matches %s %s, and none of its keys does: %v", text, host, u, r.Keys())
		}
	})
}

// fitsOne reports whether the request fits one of the keys, by the words of Key.
func fitsOne(keys []Key, q *Request) bool {
	for _, k := range keys {
		_, rest, dotted := strings.Cut(q.Host(), ".")
		host := k.Host == "" || k.Host == q.Host() || dotted && k.Host == "*."+rest
		if host && strings.HasPrefix(q.Path(), k.Prefix) {
			return true
		}
	}
	return false
}

// The short cut for paths without percent-encodings must not be seen.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/a%20b", "/a!b", "/a%21b", "/%2f%2F%25", "/é", "*", "//a", "/a%3f", "/[x]"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		if got, want := pathOf(u), decode(u.EscapedPath()); got != want {
			t.Fatalf("%q: got %q, want %q", path, got, want)
		}
	})
}
