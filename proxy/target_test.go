package proxy

import (
	"bufio"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/proxy/forward"
)

func parse(t testing.TB, line string) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line + " HTTP/1.1\r\nHost: client.example\r\n\r\n")))
	if err != nil {
		return nil
	}
	return r
}

func TestATargetHasOneFormForRulesAndBackends(t *testing.T) {
	for _, c := range []struct{ target, want, path, host string }{
		{"/", "/", "/", "client.example"},
		{"/a/b?q=/../x", "/a/b?q=/../x", "/a/b", "client.example"},
		{"/a/./b/../c", "/a/c", "/a/c", "client.example"},
		{"/a/%2e%2E/c?x", "/c?x", "/c", "client.example"},
		{"/a/.%2e/c", "/c", "/c", "client.example"},
		{"/../../etc", "/etc", "/etc", "client.example"},
		{"/a/..", "/", "/", "client.example"},
		{"/a/b/..", "/a/", "/a/", "client.example"},
		{"/a/.", "/a/", "/a/", "client.example"},
		{"//a///b//", "/a/b/", "/a/b/", "client.example"},
		{"/a%2F..%2Fb", "/a%2F..%2Fb", "/a/../b", "client.example"}, // one segment: %2F parts nothing
		{"/...", "/...", "/...", "client.example"},
		{"/.well-known/x", "/.well-known/x", "/.well-known/x", "client.example"},
		{"/a%20b/%c3%a9", "/a%20b/%C3%A9", "/a b/é", "client.example"},
		{"/%61dm%69n%7e", "/admin~", "/admin~", "client.example"},            // decoded as Traefik does
		{"/a%252e%252e/b", "/a%252e%252e/b", "/a%2e%2e/b", "client.example"}, // once only
		{"/%3b%25%3f%23", "/%3B%25%3F%23", "/;%?#", "client.example"},
		{"/x;%2e%2e/y", "/x;../y", "/x;../y", "client.example"},
		{"/a?", "/a?", "/a", "client.example"},
		{"/a/../b?", "/b?", "/b", "client.example"},
		{"http://other.example/x?y", "/x?y", "/x", "other.example"},
		{"http://other.example", "/", "/", "other.example"},
		{"http://other.example/a/../b", "/b", "/b", "other.example"},
	} {
		r := parse(t, "GET "+c.target)
		if err := normalize(r); err != nil {
			t.Errorf("%s: %v", c.target, err)
			continue
		}
		if r.RequestURI != c.want || r.URL.Path != c.path || r.Host != c.host {
			t.Errorf("%s: %s, path %s, host %s; want %s, %s, %s", c.target, r.RequestURI, r.URL.Path, r.Host, c.want, c.path, c.host)
		}
	}
}

func TestTargetsThatServersDisagreeAboutAreRefused(t *testing.T) {
	for line, want := range map[string]error{
		`GET /a\..\b`:           forward.ErrBadRequest,
		"GET /a%5c..%5Cb":       forward.ErrBadRequest,
		"GET /a%00.png":         forward.ErrBadRequest,
		"GET /a#b":              forward.ErrBadRequest,
		"CONNECT other:443":     forward.ErrMethod,
		"TRACE /":               forward.ErrMethod,
		"GET *":                 forward.ErrBadRequest,
		"PRI *":                 forward.ErrBadRequest,
		"GET ftp://h/":          forward.ErrBadRequest,
		"GET h:80":              forward.ErrBadRequest,
		"GET http:/x":           forward.ErrBadRequest,
		"GET http:///x":         forward.ErrBadRequest,
		"GET http:x":            forward.ErrBadRequest,
		"GET http://user@h/":    forward.ErrBadRequest,
		"GET http://h/%00":      forward.ErrBadRequest,
		"CONNECT http://h/path": forward.ErrMethod,
	} {
		r := parse(t, line)
		if r == nil {
			t.Errorf("%s: not read at all", line)
			continue
		}
		if err := normalize(r); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", line, err, want)
		}
	}
}

func FuzzANormalTargetHasNothingLeftToResolve(f *testing.F) {
	for _, s := range []string{"/a/../b", "//x", "/%2e%2e/", "http://h/a//b?c", "/a%2f../b", "*", "/a?b?c#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r := parse(t, "GET "+target)
		if r == nil || normalize(r) != nil {
			return
		}
		path, _, _ := strings.Cut(r.RequestURI, "?")
		if !strings.HasPrefix(path, "/") {
			t.Fatalf("%q became %q", target, r.RequestURI)
		}
		for s := range strings.SplitSeq(strings.ReplaceAll(strings.ToLower(path), "%2e", "."), "/") {
			if s == "." || s == ".." {
				t.Fatalf("%q became %q", target, r.RequestURI)
			}
		}
		if strings.Contains(path, "//") || strings.Contains(path, `\`) {
			t.Fatalf("%q became %q", target, r.RequestURI)
		}
		before := r.RequestURI
		if err := normalize(r); err != nil || r.RequestURI != before {
			t.Fatalf("%q became %q, and then %q (%v)", target, before, r.RequestURI, err)
		}
		if decoded, err := url.PathUnescape(path); err != nil || decoded != r.URL.Path {
			t.Fatalf("rules see %q, backends get %q", r.URL.Path, path)
		}
	})
}
