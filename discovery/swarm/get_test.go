package swarm

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/swarm"
)

func TestAnObjectThatChangedIsDecodedAnew(t *testing.T) {
	o := newObjects[swarm.Node]()
	for _, body := range []string{
		`[]`,
		`[{"ID":"a","Status":{"State":"ready"}},{"ID":"b"}]`,
		` [ {"ID":"a","Status":{"State":"down"}} , {"ID":"b"} ] `,
		`[{"ID":"b"},{"ID":"a","Status":{"State":"ready"},"x":"}{\"\\"}]`,
	} {
		var want []swarm.Node
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		got, err := o.decode([]byte(body))
		if err != nil || !slices.EqualFunc(got, want, func(a, b swarm.Node) bool { return a.ID == b.ID && a.Status.State == b.Status.State }) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
		if len(o.last) != len(want) {
			t.Errorf("%s: keeps %d objects", body, len(o.last))
		}
	}
}

// What is an array of objects to encoding/json is one to split, with the same members.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{`[]`, `[{"a":"}"},{"b":[{}]}]`, `[{"a":"\""}]`, `[{}`, `null`, `{}`, `[1]`, ``, `[{"\\":{}},{}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want []json.RawMessage
		err := json.Unmarshal([]byte(s), &want)
		objects := err == nil && want != nil && !slices.ContainsFunc(want, func(m json.RawMessage) bool { return !strings.HasPrefix(string(m), "{") })
		got, err := split([]byte(s))
		if objects && (err != nil || !slices.EqualFunc(got, want, func(a []byte, b json.RawMessage) bool { return string(a) == string(b) })) {
			t.Errorf("%q: %q, %v; want %q", s, got, err, want)
		}
	})
}
