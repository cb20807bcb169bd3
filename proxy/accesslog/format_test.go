package accesslog

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead-proxy/fairlead/discovery"
)

func whole() *Record {
	return &Record{
		Start:  time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.FixedZone("", 3600)),
		Client: netip.MustParseAddr("192.0.2.7"), Method: "POST", Host: "shop.test", Target: "/cart?a=1", Proto: "HTTP/1.1",
		UserAgent: "curl/8", Referer: "http://shop.test/", Status: 200, BytesIn: 12, BytesOut: 345,
		Duration: 67 * time.Millisecond, BackendDuration: 1234 * time.Microsecond, EntryPoint: "web", Router: "shop", Service: "shop_web",
		Task: discovery.Task{ID: "t1", Name: "shop_web.3", Slot: 3, Node: "worker-1", Address: discovery.Address{Scheme: "http", HostPort: "10.0.1.5:8000"}},
		Why:  "pinned", Retries: 1, Moved: true, Held: 5 * time.Millisecond, RequestID: 0xabc, Ended: "drain", Err: errors.New("reset"),
	}
}

// lines is what a Writer makes of records.
func lines(t testing.TB, format string, records ...*Record) string {
	t.Helper()
	var out bytes.Buffer
	w := New(keptOpen{&out}, format, func(err error) { t.Error(err) })
	for _, r := range records {
		w.Log(r)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheCommonFormatIsTraefiks(t *testing.T) {
	want := `192.0.2.7 - - [04/Mar/2026:04:06:07 +0000] "POST /cart?a=1 HTTP/1.1" 200 345 "http://shop.test/" "curl/8" 1 "shop" "http://10.0.1.5:8000" 67ms` + "\n" +
		`- - - [04/Mar/2026:04:06:07 +0000] "GET / HTTP/1.1" 404 0 "-" "-" 2 "-" "-" 0ms` + "\n"
	if got := lines(t, "common", whole(), &Record{Start: whole().Start, Method: "GET", Target: "/", Proto: "HTTP/1.1", Status: 404}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestJSONTellsAllAndLeavesOutWhatIsNot(t *testing.T) {
	want := `{"time":"2026-03-04T04:06:07.089Z","client":"192.0.2.7","method":"POST","host":"shop.test","target":"/cart?a=1","proto":"HTTP/1.1",` +
		`"status":200,"bytes_in":12,"bytes_out":345,"duration_ms":67,"backend_ms":1.234,"entrypoint":"web","router":"shop","service":"shop_web",` +
		`"task":"shop_web.3","task_id":"t1","slot":3,"node":"worker-1","backend":"10.0.1.5:8000","retries":1,"why":"pinned","moved":true,"held_ms":5,` +
		`"request_id":"0000000000000abc","user_agent":"curl/8","referer":"http://shop.test/","ended":"drain","error":"reset"}` + "\n" +
		`{"time":"2026-03-04T04:06:07.089Z","method":"GET","target":"/","status":404,"bytes_in":0,"bytes_out":0,"duration_ms":0,"retries":0,"request_id":"0000000000000000"}` + "\n"
	if got := lines(t, "json", whole(), &Record{Start: whole().Start, Method: "GET", Target: "/", Status: 404}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestNobodyCanForgeALineOrAField(t *testing.T) {
	for in, want := range map[string]string{ // as the common format writes it
		"a\n127.0.0.1 - - [x] \"GET / HTTP/1.1\" 200": `a\x0a127.0.0.1 - - [x] \"GET / HTTP/1.1\" 200`,
		`" 200 0 "-" "`:  `\" 200 0 \"-\" \"`,
		`trailing\`:      `trailing\\`,
		"\x1b[2Jcleared": `\x1b[2Jcleared`,
		"\x7f\x00\r\t":   `\x7f\x00\x0d\x09`,
		"\u009b31m":      `\xc2\x9b31m`,
		"\u202eevil":     `\xe2\x80\xaeevil`,
		"\xff":           `\xff`,
	} {
		r := whole()
		r.UserAgent = in
		if got := lines(t, "common", r); !strings.Contains(got, ` "`+want+`" 1 "shop"`) {
			t.Errorf("%q: got %s", in, got)
		}
	}
	r := whole()
	r.Target = "/a b"
	if got := lines(t, "common", r); !strings.Contains(got, `"POST /a\x20b HTTP/1.1"`) {
		t.Errorf("a blank in the target: %s", got)
	}
}

func FuzzALineIsALineWhateverClientsWrite(f *testing.F) {
	f.Add("GET", "/\n", "\x1b[2J", "\u009b", "\xff\"", "a\\")
	f.Add("", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, method, target, host, agent, router, fault string) {
		r := whole()
		r.Method, r.Target, r.Host, r.UserAgent, r.Referer, r.Router, r.Err = method, target, host, agent, agent, router, errors.New(fault)
		r.Task.Name, r.Task.Node, r.Task.Address.HostPort, r.Service = host, router, target, router
		common := lines(t, "common", r)
		if i := strings.IndexFunc(common, func(c rune) bool { return c < ' ' || c > '~' }); i != len(common)-1 {
			t.Errorf("byte %d of %q", i, common)
		}
		if quotes := strings.Count(strings.NewReplacer(`\\`, "", `\"`, "").Replace(common), `"`); quotes != 10 {
			t.Errorf("%d quotes in %s", quotes, common)
		}
		text := lines(t, "json", r)
		if i := strings.IndexFunc(text, unicode.IsControl); i != len(text)-1 {
			t.Errorf("byte %d of %q", i, text)
		}
		var got struct {
			Target string `json:"target"`
			Agent  string `json:"user_agent"`
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%v: %q", err, text)
		}
		if utf8.ValidString(target) && replaceC1(target) != got.Target {
			t.Errorf("target %q became %q", target, got.Target)
		}
	})
}
