package accesslog

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
)

// commonTime is the time of the common log format.
const commonTime = "02/Jan/2006:15:04:05 -0700"

// appendCommon appends a line in Traefik's common log format, which is the NCSA one and then
// the number of the request since the start, the router, the backend's URL and the duration:
//
//	client - user [time] "method target proto" status bytes "referer" "user agent" count "router" "url" 12ms
func appendCommon(b []byte, r *Record, count uint64) []byte {
	if r.Client.IsValid() {
		b = r.Client.WithZone("").AppendTo(b)
	} else {
		b = append(b, '-')
	}
	b = append(b, " - - ["...)
	b = r.Start.UTC().AppendFormat(b, commonTime)
	b = append(b, `] "`...)
	b = appendEscaped(b, r.Method, true)
	b = append(b, ' ')
	b = appendEscaped(b, r.Target, true)
	b = append(b, ' ')
	b = appendEscaped(b, r.Proto, true)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, r.BytesOut, 10)
	b = appendQuoted(b, r.Referer)
	b = appendQuoted(b, r.UserAgent)
	b = append(b, ' ')
	b = strconv.AppendUint(b, count, 10)
	b = appendQuoted(b, r.Router)
	if a := r.Task.Address; a.HostPort == "" {
		b = appendQuoted(b, "")
	} else {
		b = append(b, ` "`...)
		b = appendEscaped(b, a.Scheme, false)
		b = append(b, "://"...)
		b = appendEscaped(b, a.HostPort, false)
		b = append(b, '"')
	}
	b = append(b, ' ')
	b = strconv.AppendInt(b, r.Duration.Milliseconds(), 10)
	return append(b, "ms\n"...)
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, ` "`...)
	if s == "" {
		b = append(b, '-')
	}
	return append(appendEscaped(b, s, false), '"')
}

// appendEscaped appends printable ASCII as it is and all else as Apache's log does: \" \\ \xhh.
// A word has no blanks either.
func appendEscaped(b []byte, s string, word bool) []byte {
	if s == "" && word {
		return append(b, '-')
	}
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~' || c == ' ' && word:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}

// sendJSON writes a record as one event. Strings are escaped by zerolog, save C1 controls.
func sendJSON(e *zerolog.Event, r *Record) {
	var scratch [64]byte
	e.RawJSON("time", r.Start.UTC().AppendFormat(scratch[:0], `"2006-01-02T15:04:05.000Z"`))
	if r.Client.IsValid() {
		e.RawJSON("client", append(r.Client.WithZone("").AppendTo(append(scratch[:0], '"')), '"'))
	}
	text(e, "method", r.Method)
	text(e, "host", r.Host)
	text(e, "target", r.Target)
	text(e, "proto", r.Proto)
	e.Int("status", r.Status).Int64("bytes_in", r.BytesIn).Int64("bytes_out", r.BytesOut)
	milliseconds(e.Float64("duration_ms", inMilliseconds(r.Duration)), "backend_ms", r.BackendDuration)
	text(e, "entrypoint", r.EntryPoint)
	text(e, "router", r.Router)
	text(e, "service", r.Service)
	sendTask(e, r)
	e.Int("retries", r.Retries)
	text(e, "why", r.Why)
	if r.Moved {
		e.Bool("moved", true)
	}
	milliseconds(e, "held_ms", r.Held)
	e.RawJSON("request_id", appendID(scratch[:0], r.RequestID))
	text(e, "user_agent", r.UserAgent)
	text(e, "referer", r.Referer)
	text(e, "ended", r.Ended)
	if r.Err != nil {
		text(e, "error", r.Err.Error())
	}
	e.Send()
}

func sendTask(e *zerolog.Event, r *Record) {
	if r.Task.ID == "" {
		return
	}
	text(e, "task", r.Task.Name)
	text(e, "task_id", r.Task.ID)
	if r.Task.Slot > 0 {
		e.Int("slot", r.Task.Slot)
	}
	text(e, "node", r.Task.Node)
	text(e, "backend", r.Task.Address.HostPort)
}

func text(e *zerolog.Event, key, s string) {
	if s != "" {
		e.Str(key, withoutC1(s))
	}
}

func milliseconds(e *zerolog.Event, key string, d time.Duration) {
	if d > 0 {
		e.Float64(key, inMilliseconds(d))
	}
}

func inMilliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// appendID appends an id as 16 hex digits in quotes.
func appendID(b []byte, id uint64) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hex[id>>shift&15])
	}
	return append(b, '"')
}

// withoutC1 replaces U+0080 to U+009F, which JSON allows and terminals obey: U+009B is ESC [.
func withoutC1(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return replaceC1(s)
		}
	}
	return s
}

func replaceC1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r >= 0x80 && r <= 0x9f {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}
