package sticky

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func testCookie(t testing.TB) *Cookie {
	return New(discovery.Cookie{Name: "c", Path: "/"}, keysOf(t, first), "shop")
}

func everAlive(discovery.Pin) bool { return true }

func header(lines ...string) http.Header { return http.Header{"Cookie": lines} }

func TestTheAttributesAreWrittenAsTraefikWritesThem(t *testing.T) {
	k := keysOf(t, first)
	value := k.Seal(golden)
	for _, c := range []struct {
		name   string
		cookie discovery.Cookie
		want   string
	}{
		{"defaults", discovery.Cookie{Name: "_5f7bc", Path: "/"}, "_5f7bc=V; Path=/"},
		{"all", discovery.Cookie{Name: "c", Path: "/a", Domain: "example.com", Secure: true, HTTPOnly: true, SameSite: "strict", MaxAge: 60},
			"c=V; Path=/a; Domain=example.com; Max-Age=60; HttpOnly; Secure; SameSite=Strict"},
		{"lax", discovery.Cookie{Name: "c", Path: "/", SameSite: "lax"}, "c=V; Path=/; SameSite=Lax"},
		{"none", discovery.Cookie{Name: "c", Path: "/", SameSite: "none"}, "c=V; Path=/; SameSite=None"},
		{"expires at once", discovery.Cookie{Name: "c", Path: "/", MaxAge: -1}, "c=V; Path=/; Max-Age=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{"Set-Cookie": {"app=1"}}
			New(c.cookie, k, "shop").Write(h, golden)
			want := strings.Replace(c.want, "V", value, 1)
			if got := h["Set-Cookie"]; len(got) != 2 || got[0] != "app=1" || got[1] != want {
				t.Errorf("wrote %q, want %q after the app's own", got, want)
			}
		})
	}
}

func TestWhatWasWrittenIsReadBack(t *testing.T) {
	c := testCookie(t)
	h := http.Header{}
	c.Write(h, golden)
	pair, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	for _, lines := range [][]string{
		{pair}, {"a=b; " + pair + "; d=e"}, {"a=b", pair}, {";;" + pair + ";"}, {"a=b;" + pair}, {"c=forged; " + pair},
		{"C=x; c ; cc=1; " + pair},
	} {
		if got, found := c.Read(header(lines...), everAlive); !found || got != golden {
			t.Errorf("%q is read as %+v, %t", lines, got, found)
		}
	}
}

func TestAStrangersCookieIsNoPin(t *testing.T) {
	c := testCookie(t)
	value := c.keys.Seal(golden)
	foreign := KeysFromCluster("another").Seal(golden)
	for _, line := range []string{"", "c", "c=", "=c", "c=" + foreign, "d=" + value, "C=" + value, "cc=" + value, "xc=" + value, "c=" + value + "x"} {
		if p, found := c.Read(header(line), everAlive); found {
			t.Errorf("%q is read as %+v", line, p)
		}
	}
}

func TestOfSeveralPinsTheFirstAliveCounts(t *testing.T) {
	c := testCookie(t)
	pins := make([]discovery.Pin, 3)
	var pairs []string
	for i := range pins {
		pins[i] = discovery.Pin{Service: "shop", Seat: "s", Task: string(rune('a' + i))}
		pairs = append(pairs, "c="+c.keys.Seal(pins[i]))
	}
	h := header("c=forged; "+pairs[0], pairs[1]+"; "+pairs[2])
	for _, v := range []struct {
		alive string
		want  int
	}{{"abc", 0}, {"bc", 1}, {"c", 2}, {"", 0}} {
		alive := func(p discovery.Pin) bool { return strings.Contains(v.alive, p.Task) }
		if got, found := c.Read(h, alive); !found || got != pins[v.want] {
			t.Errorf("with %q alive it is %+v, want %+v", v.alive, got, pins[v.want])
		}
	}
}

func TestOnlySoManyCookiesAreLookedAt(t *testing.T) {
	c := testCookie(t)
	pair := "; c=" + c.keys.Seal(golden)
	if _, found := c.Read(header(strings.Repeat("c=x; ", maxCookies-1)+pair), everAlive); !found {
		t.Error("the last one within the bound was not read")
	}
	if _, found := c.Read(header(strings.Repeat("c=x; ", maxCookies)+pair), everAlive); found {
		t.Error("one beyond the bound was read")
	}
}

func FuzzRead(f *testing.F) {
	c := testCookie(f)
	f.Add("a=b; c="+c.keys.Seal(golden), "c=x")
	f.Add(";;=;c==;", "c")
	f.Fuzz(func(t *testing.T, one, two string) {
		p, found := c.Read(header(one, two), func(discovery.Pin) bool { return false })
		if found && !strings.Contains(one+two, "c="+c.keys.Seal(p)) && !strings.Contains(one+two, c.keys.Seal(p)) {
			t.Errorf("%q, %q is read as %+v", one, two, p)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	c := testCookie(b)
	h := header("theme=dark; lang=de; c=" + c.keys.Seal(golden))
	b.ReportAllocs()
	for b.Loop() {
		if _, found := c.Read(h, everAlive); !found {
			b.Fatal("no pin")
		}
	}
}
