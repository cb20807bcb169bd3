package proxy

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// The tests of this file are the requirements of RFC 9110 section 7.6 and RFC 9112 section 6 that
// bind an intermediary, each by its section. What they say of answers is tested on the upstream's
// own strictness, too (proxy/upstream, framing_test.go).

// forwarded is what a backend receives of a request that is answered with 200.
func forwarded(t *testing.T, w *world, backend *recorder, sent string) string {
	t.Helper()
	got, seen, _ := statuses(t, w, backend, sent, 1)
	if !slices.Equal(got, []int{200}) || len(seen) != 1 {
		t.Fatalf("%q: %v, the backend received %q", sent, got, seen)
	}
	return seen[0]
}

// recording is a proxy in front of a recorder.
func recording(t *testing.T, args ...string) (*world, *recorder) {
	t.Helper()
	w, backend := begin(t, args...), &recorder{}
	w.see(discovery.Service{}, backend.task(t, 1))
	return w, backend
}

// answering is a proxy in front of a backend that answers so and closes.
func answering(t *testing.T, w *world, name, answer string) {
	t.Helper()
	backend := raw(t, 1, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, answer)
	})
	backend.ID = name
	w.see(discovery.Service{}, backend)
}

// exchanged is all that a client of an HTTP version receives for a request with a method.
func exchanged(t *testing.T, w *world, method, proto string) string {
	t.Helper()
	c, r := dial(t, w)
	defer c.Close()
	send(t, c, method+" / "+proto+"\r\nHost: a\r\nConnection: close\r\n\r\n")
	text, _ := io.ReadAll(r) // an answer that is cut off ends in an error
	return string(text)
}

// "Intermediaries MUST parse a received Connection header field before a message is forwarded and, for each
// connection-option in this field, remove any header or trailer field(s) from the message with the same
// name as the connection-option, and then remove the Connection header field itself".
func TestRFC9110Section7_6_1NominatedFieldsAreRemovedFromRequests(t *testing.T) {
	w, backend := recording(t)
	got := forwarded(t, w, backend, post+"Connection: x-a , X-B\r\nConnection: X-C,,\r\nX-A: 1\r\nX-B: 2\r\nx-c: 3\r\nX-D: 4\r\nTrailer: X-A, X-T\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"0\r\nX-A: 1\r\nX-T: 2\r\n\r\n")
	if want := "POST / HTTP/1.1\nHost: shop.example\nTrailer: X-T\nTransfer-Encoding: chunked\nX-D: 4\n\n0\r\nX-T: 2\r\n\r\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestRFC9110Section7_6_1NominatedFieldsAreRemovedFromAnswers(t *testing.T) {
	w := begin(t)
	answering(t, w, "nominating", "HTTP/1.1 200 OK\r\nConnection: close, X-A\r\nX-A: 1\r\nX-D: 4\r\nTrailer: X-A, X-T\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: 1\r\nX-T: 2\r\n\r\n")
	got := exchanged(t, w, "GET", "HTTP/1.1")
	if strings.Contains(got, "X-A") || !strings.Contains(got, "X-D: 4") || !strings.Contains(got, "X-T: 2") {
		t.Errorf("got %q", got)
	}
}

// "intermediaries SHOULD remove or replace fields that are known to require removal before forwarding,
// whether or not they appear as a connection-option": Proxy-Connection, Keep-Alive, TE, Transfer-Encoding, Upgrade.
func TestRFC9110Section7_6_1KnownFieldsAreRemovedUnnominated(t *testing.T) {
	w, backend := recording(t)
	got := forwarded(t, w, backend, get+"Proxy-Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nTE: gzip\r\nUpgrade: h2c\r\n\r\n")
	if want := "GET / HTTP/1.1\nHost: shop.example\n\n"; got != want {
		t.Errorf("got %q", got)
	}
	answering(t, w, "known", "HTTP/1.1 200 OK\r\nProxy-Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n")
	if got := exchanged(t, w, "GET", "HTTP/1.1"); strings.Contains(got, "Keep-Alive") || strings.Contains(got, "Proxy-") || strings.Contains(got, "Upgrade") {
		t.Errorf("got %q", got)
	}
}

// "when a header field aside from Connection is used to supply control information for or about the
// current connection, the sender MUST list the corresponding field name within the Connection header field".
func TestRFC9110Section7_6_1FieldsOfOurConnectionAreListed(t *testing.T) {
	w, backend := recording(t)
	got := forwarded(t, w, backend, get+"TE: trailers, gzip\r\nConnection: TE\r\n\r\n")
	if want := "GET / HTTP/1.1\nConnection: Te\nHost: shop.example\nTe: trailers\n\n"; got != want {
		t.Errorf("got %q", got)
	}
	got = forwarded(t, w, backend, get+"TE: trailers\r\nConnection: Upgrade, TE\r\nUpgrade: websocket\r\n\r\n")
	for _, want := range []string{"Connection: Upgrade\n", "Connection: Te\n", "Upgrade: websocket\n", "Te: trailers\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

// "Connection options are case-insensitive."
func TestRFC9110Section7_6_1OptionsAreCaseInsensitive(t *testing.T) {
	w, backend := recording(t)
	_, _, ended := statuses(t, w, backend, get+"Connection: CLOSE\r\n\r\n", 1)
	if !ended {
		t.Error("CLOSE was not heeded")
	}
}

// "Each intermediary that receives a TRACE or OPTIONS request containing a Max-Forwards header field MUST
// check and update its value prior to forwarding the request." TRACE is never forwarded.
func TestRFC9110Section7_6_2MaxForwardsIsCounted(t *testing.T) {
	w, backend := recording(t)
	for sent, want := range map[string]string{"10": "9", "1": "0", "00002": "1"} {
		got := forwarded(t, w, backend, "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: "+sent+"\r\n\r\n")
		if want := "OPTIONS / HTTP/1.1\nHost: a\nMax-Forwards: " + want + "\n\n"; got != want {
			t.Errorf("%s became %q", sent, got)
		}
	}
	if got, seen, _ := statuses(t, w, backend, "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: many\r\n\r\n", 1); got[0] != 400 || seen != nil {
		t.Errorf("no number: %v, %q", got, seen)
	}
}

// "If the received value is zero (0), the intermediary MUST NOT forward the request; instead, the
// intermediary MUST respond as the final recipient."
func TestRFC9110Section7_6_2AtZeroWeAnswerOurselves(t *testing.T) {
	w, backend := recording(t)
	if got, seen, _ := statuses(t, w, backend, "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 1); got[0] != 204 || seen != nil {
		t.Errorf("%v, %q", got, seen)
	}
	if got, seen, _ := statuses(t, w, backend, "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 1); got[0] != 405 || seen != nil {
		t.Errorf("%v, %q", got, seen)
	}
}

// Section 15.5.6, which binds who refuses a method: "The origin server MUST generate an Allow header field in a
// 405 response". For OPTIONS at its last hop it says the same (section 9.3.7).
func TestRFC9110Section15_5_6RefusedMethodsNameThoseAllowed(t *testing.T) {
	w, _ := recording(t)
	for _, head := range []string{"TRACE / HTTP/1.1\r\nHost: a\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n", "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n"} {
		c, r := dial(t, w)
		send(t, c, head+"\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil || !strings.Contains(resp.Header.Get("Allow"), "GET") {
			t.Errorf("%q: %v, %v", head, resp, err)
		}
		c.Close()
	}
}

// "A recipient MAY ignore a Max-Forwards header field received with any other request methods."
func TestRFC9110Section7_6_2OtherMethodsKeepTheirs(t *testing.T) {
	w, backend := recording(t)
	if got := forwarded(t, w, backend, get+"Max-Forwards: 0\r\n\r\n"); got != "GET / HTTP/1.1\nHost: shop.example\nMax-Forwards: 0\n\n" {
		t.Errorf("got %q", got)
	}
}

// "An HTTP-to-HTTP gateway MUST send an appropriate Via header field in each inbound request message".
// It does so where it is given a name; forward.Policy says why not by default.
func TestRFC9110Section7_6_3ViaIsSentWhereTheProxyHasAName(t *testing.T) {
	w, backend := recording(t, "--entrypoints.web.http.via=edge")
	for sent, want := range map[string]string{
		get:                                      "GET / HTTP/1.1\nHost: shop.example\nVia: 1.1 edge\n\n",
		get + "Via: 1.0 fred, 1.1 p.example\r\n": "GET / HTTP/1.1\nHost: shop.example\nVia: 1.0 fred, 1.1 p.example\nVia: 1.1 edge\n\n",
		"GET / HTTP/1.0\r\nHost: shop.example\r\n": "GET / HTTP/1.1\nHost: shop.example\nVia: 1.0 edge\n\n",
	} {
		if got := forwarded(t, w, backend, sent+"Connection: close\r\n\r\n"); got != want {
			t.Errorf("%q: got %q, want %q", sent, got, want)
		}
	}
}

// "An intermediary MUST NOT combine" other hops' members: those of others stay as they are.
func TestRFC9110Section7_6_3TheViaOfOthersStays(t *testing.T) {
	w, backend := recording(t)
	if got := forwarded(t, w, backend, get+"Via: 1.0 fred\r\nVia: 1.1 (x) p.example\r\n\r\n"); got != "GET / HTTP/1.1\nHost: shop.example\nVia: 1.0 fred\nVia: 1.1 (x) p.example\n\n" {
		t.Errorf("got %q", got)
	}
}

// RFC 9112 section 6: "A server MUST read the entire request message body or close the connection
// after sending its response" (section 9.3), so that no body is taken for the next request.
func TestRFC9112Section6ABodyIsNeverTakenForARequest(t *testing.T) {
	w := begin(t)
	answering(t, w, "early", "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	c, r := dial(t, w)
	send(t, c, post+"Content-Length: 1000000\r\n\r\n"+hidden)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 413 {
		t.Fatalf("%v, %v", resp, err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); len(rest) > 0 {
		t.Errorf("then %q", rest)
	}
}

// Section 6.1: "A recipient MUST be able to parse the chunked transfer coding", and the message is
// forwarded with framing of our own.
func TestRFC9112Section6_1ChunksAreDecodedAndFramedAnew(t *testing.T) {
	w, backend := recording(t)
	got := forwarded(t, w, backend, post+"Transfer-Encoding: CHUNKED\r\n\r\n00003;x=y\r\nabc\r\n000\r\n\r\n")
	if want := "POST / HTTP/1.1\nHost: shop.example\nTransfer-Encoding: chunked\n\n3\r\nabc\r\n0\r\n\r\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// Section 6.1: "A sender MUST NOT apply the chunked transfer coding more than once to a message body",
// and "a server that receives a request message with a transfer coding it does not understand SHOULD respond with 501".
func TestRFC9112Section6_1OtherCodingsAreNotImplemented(t *testing.T) {
	w, backend := recording(t)
	for _, coding := range []string{"gzip, chunked", "chunked, chunked", "gzip\r\nTransfer-Encoding: chunked"} {
		if got, seen, ended := statuses(t, w, backend, post+"Transfer-Encoding: "+coding+"\r\n\r\n0\r\n\r\n", 1); got[0] != 501 || seen != nil || !ended {
			t.Errorf("%s: %v, %q", coding, got, seen)
		}
	}
}

// Section 6.1: "A server MUST NOT send a Transfer-Encoding header field in any response with a status
// code of 1xx (Informational) or 204 (No Content)."
func TestRFC9112Section6_1NoCodingInAnswersWithoutABody(t *testing.T) {
	w := begin(t)
	for _, status := range []string{"204 No Content", "103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 No Content", "304 Not Modified"} {
		answering(t, w, status, "HTTP/1.1 "+status+"\r\nTransfer-Encoding: chunked\r\nX-Mark: 1\r\n\r\n0\r\n\r\n")
		if got := exchanged(t, w, "GET", "HTTP/1.1"); strings.Contains(got, "Transfer-Encoding") || !strings.HasSuffix(got, "\r\n\r\n") || !strings.Contains(got, "X-Mark") {
			t.Errorf("%s: %q", status, got)
		}
	}
}

// Section 6.1: "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding
// request indicates HTTP/1.1 (or later minor revisions)."
func TestRFC9112Section6_1NoCodingToHTTP1_0(t *testing.T) {
	w := begin(t)
	answering(t, w, "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	if got := exchanged(t, w, "GET", "HTTP/1.0"); strings.Contains(got, "Transfer-Encoding") || !strings.HasSuffix(got, "\r\n\r\nabc") {
		t.Errorf("got %q", got)
	}
}

// Section 6.1: "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header
// field MUST treat the message as if the framing is faulty".
func TestRFC9112Section6_1CodingInHTTP1_0IsFaulty(t *testing.T) {
	w, backend := recording(t)
	if got, seen, ended := statuses(t, w, backend, "POST / HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 1); got[0] != 400 || seen != nil || !ended {
		t.Errorf("request: %v, %q", got, seen)
	}
	answering(t, w, "old", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	if got := exchanged(t, w, "GET", "HTTP/1.1"); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("answer: %q", got)
	}
}

// Section 6.2: "A sender MUST NOT send a Content-Length header field in any message that contains a
// Transfer-Encoding header field", in either direction.
func TestRFC9112Section6_2NeverBothLengths(t *testing.T) {
	w, backend := recording(t)
	got := forwarded(t, w, backend, chunked+"3\r\nabc\r\n0\r\n\r\n")
	if strings.Contains(got, "Content-Length") {
		t.Errorf("request: %q", got)
	}
	answering(t, w, "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	if got := exchanged(t, w, "GET", "HTTP/1.1"); strings.Contains(got, "Content-Length") {
		t.Errorf("answer: %q", got)
	}
}

// Section 6.3 rule 1: "Any response to a HEAD request and any response with a 1xx, 204, or 304 status code
// is always terminated by the first empty line after the header fields".
func TestRFC9112Section6_3Rule1AnswersWithoutABodyEndWithTheirHead(t *testing.T) {
	w := begin(t)
	for name, c := range map[string]struct{ method, answer string }{
		"HEAD": {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"},
		"304":  {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc"},
		"204":  {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"},
	} {
		answering(t, w, name, c.answer)
		if got := exchanged(t, w, c.method, "HTTP/1.1"); !strings.HasSuffix(got, "\r\n\r\n") || strings.Contains(got, "abc") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Section 6.3 rule 3: a message with both lengths "ought to be handled as an error".
func TestRFC9112Section6_3Rule3BothLengthsAreAnError(t *testing.T) {
	w, backend := recording(t)
	for _, fields := range []string{"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"} {
		if got, seen, ended := statuses(t, w, backend, post+fields+"\r\n0\r\n\r\n", 1); got[0] != 400 || seen != nil || !ended {
			t.Errorf("request: %v, %q", got, seen)
		}
	}
	answering(t, w, "both", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	if got := exchanged(t, w, "GET", "HTTP/1.1"); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("answer: %q", got)
	}
}

// Section 6.3 rule 4: "If a Transfer-Encoding header field is present in a request and the chunked transfer
// coding is not the final encoding, the message body length cannot be determined reliably; the server MUST respond
// with the 400 (Bad Request) status code and then close the connection."
func TestRFC9112Section6_3Rule4ChunkedMustBeLast(t *testing.T) {
	w, backend := recording(t)
	for _, coding := range []string{"gzip", "identity", "chunked, gzip", "chunked\r\nTransfer-Encoding: gzip"} {
		if got, seen, ended := statuses(t, w, backend, post+"Transfer-Encoding: "+coding+"\r\n\r\n0\r\n\r\n", 1); got[0] != 400 || seen != nil || !ended {
			t.Errorf("%s: %v, %q", coding, got, seen)
		}
	}
}

// Section 6.3 rule 5: a message with an invalid Content-Length: "If this is a request message, the server
// MUST respond with a 400 (Bad Request) status code and then close the connection. If this is a response message received by a
// proxy, the proxy MUST close the connection to the server, discard the received response, and send a 502
// (Bad Gateway) response to the client."
func TestRFC9112Section6_3Rule5AnInvalidLengthIsAnError(t *testing.T) {
	for _, value := range []string{"x", "-1", "3, 4", "3\r\nContent-Length: 4", "0x3", ""} {
		w, backend := recording(t)
		if got, seen, ended := statuses(t, w, backend, post+"Content-Length: "+value+"\r\n\r\nabc", 1); got[0] != 400 || seen != nil || !ended {
			t.Errorf("request with %q: %v, %q", value, got, seen)
		}
		closed := make(chan struct{})
		bad := raw(t, 2, func(c net.Conn) {
			c.Read(make([]byte, 4096))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+value+"\r\n\r\nabc")
			io.Copy(io.Discard, c)
			close(closed)
		})
		w.see(discovery.Service{}, bad)
		if got := exchanged(t, w, "POST", "HTTP/1.1"); !strings.HasPrefix(got, "HTTP/1.1 502 ") || strings.Contains(got, "abc") {
			t.Errorf("answer with %q: %q", value, got)
		}
		<-closed
	}
}

// Section 6.3 rule 6: "If the sender closes the connection or the recipient times out before the indicated
// number of octets are received, the recipient MUST consider the message to be incomplete and close the connection";
// section 8: an incomplete message is not forwarded as a whole one.
func TestRFC9112Section6_3Rule6AnIncompleteRequestNeverLooksWhole(t *testing.T) {
	w := begin(t)
	seen := make(chan error, 1)
	w.see(discovery.Service{}, replica(t, 1, func(rw http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		seen <- err
	}))
	for _, sent := range []string{"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"} {
		c, _ := dial(t, w)
		send(t, c, post+sent)
		c.Close()
		if err := <-seen; err == nil {
			t.Errorf("%q looked whole", sent)
		}
	}
}

// Section 6.3 rule 7: "If this is a request message and none of the above are true, then the message body
// length is zero".
func TestRFC9112Section6_3Rule7ARequestWithoutALengthHasNoBody(t *testing.T) {
	w, backend := recording(t)
	got, seen, _ := statuses(t, w, backend, post+"\r\n"+hidden, 2)
	want := []string{"POST / HTTP/1.1\nContent-Length: 0\nHost: shop.example\n\n", "GET /admin HTTP/1.1\nHost: shop.example\n\n"}
	if !slices.Equal(got, []int{200, 200}) || !slices.Equal(seen, want) {
		t.Errorf("%v, %q", got, seen)
	}
}

// Section 6.3 rule 8: an answer without a length ends with its connection; the client gets it whole, and
// framed so that it can tell.
func TestRFC9112Section6_3Rule8AnAnswerWithoutALengthEndsWithItsConnection(t *testing.T) {
	w := begin(t)
	answering(t, w, "until close", "HTTP/1.1 200 OK\r\n\r\nabc")
	if got := exchanged(t, w, "GET", "HTTP/1.1"); !strings.Contains(got, "Transfer-Encoding: chunked") || !strings.HasSuffix(got, "3\r\nabc\r\n0\r\n\r\n") {
		t.Errorf("got %q", got)
	}
}

// Section 6.3: "If the final response to the last request on a connection has been completely received and
// there remains additional data to read ... MUST NOT process, cache, or forward such extra data as a separate
// response". This is what a CL.0 or response-splitting attack relies on.
func TestRFC9112Section6_3ExtraDataIsNoAnswer(t *testing.T) {
	w := begin(t)
	w.see(discovery.Service{}, raw(t, 1, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
		io.Copy(io.Discard, c)
	}))
	for range 10 {
		if got := exchanged(t, w, "GET", "HTTP/1.1"); !strings.HasSuffix(got, "\r\n\r\nok") {
			t.Fatalf("got %q", got)
		}
	}
}
