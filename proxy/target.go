package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/fairlead-proxy/fairlead/proxy/forward"
)

// normalize puts the request's target in the one form that rules match and backends get:
// origin-form (RFC 9112 section 3.2.1), with dot segments and doubled slashes resolved and what needs
// no encoding decoded, as Traefik does (its entry point's normalizePath and sanitizePath). %2F stays as it is and parts
// nothing. What servers disagree about, so that a rule could be walked around, is refused; the
// other encoded characters pass, as they do in Traefik since 3.6.7.
func normalize(r *http.Request) error {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return fmt.Errorf("%w: %s", forward.ErrMethod, r.Method)
	}
	path, query := r.RequestURI, ""
	if path == "*" && r.Method == http.MethodOptions { // RFC 9112 section 3.2.4: it asks the server that it reaches
		return forward.ErrLastHop
	}
	absolute := !strings.HasPrefix(path, "/")
	if absolute { // the server has set r.Host from it (RFC 9112 section 3.2.2)
		if err := checkAbsolute(r.URL); err != nil {
			return err
		}
		path = r.URL.RequestURI()
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i:]
	}
	if err := checkPath(path); err != nil {
		return err
	}
	if !absolute && plain(path) {
		return nil
	}
	target := resolve(decodeUnreserved(path)) + query
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return fmt.Errorf("%w: target: %w", forward.ErrBadRequest, err)
	}
	r.RequestURI, r.URL = target, u
	return nil
}

// checkAbsolute takes absolute-form with a scheme of ours and a host, and no other form: "*" is
// for OPTIONS alone (RFC 9112 section 3.2.4), and a user in an http URI
// is there to deceive (RFC 9110 section 4.2.4).
func checkAbsolute(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Opaque != "" || u.User != nil {
		return fmt.Errorf("%w: the target is neither a path nor an http URI", forward.ErrBadRequest)
	}
	return nil
}

// checkPath refuses what some servers read as a separator or an end, and others as a letter.
func checkPath(path string) error {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' || c == '#':
			return fmt.Errorf("%w: %q in the path", forward.ErrBadRequest, c)
		case c == '%' && i+2 < len(path):
			if code := strings.ToLower(path[i+1 : i+3]); code == "5c" || code == "00" {
				return fmt.Errorf("%w: %%%s in the path", forward.ErrBadRequest, code)
			}
		}
	}
	return nil
}

// plain tells whether there is nothing to resolve. It may say no too often.
func plain(path string) bool {
	return !strings.Contains(path, "/.") && !strings.Contains(path, "//") && strings.IndexByte(path, '%') < 0
}

// decodeUnreserved decodes the letters that mean the same encoded or not, and writes the other
// encodings in upper case (RFC 3986 sections 6.2.2.1 and 6.2.2.2).
func decodeUnreserved(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b = append(b, path[i])
			continue
		}
		code := strings.ToUpper(path[i : i+3])
		if n, err := strconv.ParseUint(code[1:], 16, 8); err == nil && unreserved(byte(n)) {
			b = append(b, byte(n))
		} else {
			b = append(b, code...)
		}
		i += 2
	}
	return string(b)
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// resolve removes dot segments (RFC 3986 section 5.2.4) and empty ones.
func resolve(path string) string {
	var kept []string
	dir := false // the path names a directory: it ends in a slash
	for segment := range strings.SplitSeq(path[1:], "/") {
		dir = true
		switch segment {
		case "", ".":
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
			dir = false
		}
	}
	out := "/" + strings.Join(kept, "/")
	if dir && len(kept) > 0 {
		out += "/"
	}
	return out
}
