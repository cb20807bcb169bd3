package sticky

import (
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

const (
	first  = "first-key-of-at-least-32-characters"
	second = "second-key-of-at-least-32-characters"
)

func keysOf(t testing.TB, file string) Keys {
	t.Helper()
	k, err := ParseKeys([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAKeyFileIsReadLineByLine(t *testing.T) {
	k := keysOf(t, "# the new one\r\n\r\n  "+first+"\t\r\n"+second)
	if len(k.keys) != 2 || string(k.keys[0].secret) != first || string(k.keys[1].secret) != second {
		t.Errorf("%d keys", len(k.keys))
	}
}

func TestABadKeyFileIsNamedByLineAndCureAndNeverShown(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"short", first + "\n\n# x\nsecret\n", "line 4: the key has 6 characters"},
		{"empty", "", "no key"},
		{"comments alone", "# " + first + "\n", "no key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseKeys([]byte(c.file))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "openssl") {
				t.Fatalf("error is %v, want %q and a cure", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), first) {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}

func TestTheFirstKeySignsAndAllVerify(t *testing.T) {
	pin := discovery.Pin{Service: "shop", Seat: "s.1", Task: "t1"}
	old := keysOf(t, first).Seal(pin)
	both := keysOf(t, second+"\n"+first)
	if got, err := both.Open("shop", old); err != nil || got != pin {
		t.Errorf("a value of the old key opens as %v, %v", got, err)
	}
	if _, err := keysOf(t, second).Open("shop", both.Seal(pin)); err != nil {
		t.Errorf("the first key did not sign: %v", err)
	}
	if _, err := keysOf(t, first).Open("shop", both.Seal(pin)); err == nil {
		t.Error("the second key signed")
	}
}

func TestProxiesOfAClusterAgreeAndThoseOfAnotherDoNot(t *testing.T) {
	pin := discovery.Pin{Service: "shop", Seat: "s.1", Task: "t1"}
	value := KeysFromCluster("one").Seal(pin)
	if _, err := KeysFromCluster("one").Open("shop", value); err != nil {
		t.Error(err)
	}
	for _, other := range []string{"two", ""} {
		if _, err := KeysFromCluster(other).Open("shop", value); err == nil {
			t.Errorf("cluster %q opens it", other)
		}
	}
}
