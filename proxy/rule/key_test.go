package rule

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestKeysAreWhatARuleCannotDoWithout(t *testing.T) {
	all := []Key{{}}
	for _, tc := range []struct {
		rule string
		want []Key
	}{
		{"Host(`A.com.`)", []Key{{Host: "a.com"}}},
		{"Host(`*.a.com`)", []Key{{Host: "*.a.com"}}},
		{"Host(`*`)", all},
		{"Method(`GET`)", all},
		{"HostRegexp(`a`) && PathPrefix(`/a`)", []Key{{Prefix: "/a"}}},
		{"Host(`a`) || Host(`b`) || Host(`a`)", []Key{{Host: "a"}, {Host: "b"}}},
		{"Host(`a`) || Method(`GET`)", all},
		{"(Host(`a`) || Host(`b`)) && Path(`/c`)", []Key{{"a", "/c"}, {"b", "/c"}}},
		{"PathPrefix(`/c`) && Host(`a`) && PathPrefix(`/cd`)", []Key{{"a", "/cd"}}},
		{"Host(`x.a.com`) && Host(`*.a.com`)", []Key{{Host: "x.a.com"}}},
		{"Host(`*.a.com`) && (Host(`x.a.com`) || Host(`x.b.com`))", []Key{{Host: "x.a.com"}}},
		{"Host(`a`) && Host(`b`)", nil},
		{"Path(`/a`) && PathPrefix(`/b`)", nil},
		{"!Host(`a`)", all},
		{"!(!Host(`a`) || !Path(`/b`))", []Key{{"a", "/b"}}},
		{"!(Host(`a`) || Path(`/b`))", all},
		{"!Host(`a`) && Path(`/b`)", []Key{{Prefix: "/b"}}},
	} {
		if got := mustParse(t, tc.rule).Keys(); len(got)+len(tc.want) > 0 && !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.rule, got, tc.want)
		}
	}
}

func TestManyAlternativesOnBothSidesMakeNoMoreKeysThanOneSideHas(t *testing.T) {
	hosts, paths := make([]string, 60), make([]string, 30)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("Host(`h%d`)", i)
	}
	for i := range paths {
		paths[i] = fmt.Sprintf("Path(`/p%d`)", i)
	}
	h, p := "("+strings.Join(hosts, "||")+")", "("+strings.Join(paths, "||")+")"
	for _, text := range []string{h + "&&" + p, p + "&&" + h} {
		keys := mustParse(t, text).Keys()
		if len(keys) != len(hosts) || !ofHosts(keys) {
			t.Errorf("%d keys, of hosts: %v", len(keys), ofHosts(keys))
		}
	}
}
