package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"
)

// Greeting is what comes before the container's id in each answer.
const Greeting = "Hello, I'm a response from this container => "

// Passer is the number of all clients that keep no cookies.
const Passer = -1

// A client is one browser: its cookies, its connection, and the container that it was
// answered by last.
type client struct {
	number int
	opt    Options
	jar    http.CookieJar // nil: it keeps none
	ways   []http.Client  // one, or one for each proxy if they are asked in turn
	turn   int
	last   string
}

func newClient(number int, o Options) *client {
	c := &client{number: number, opt: o}
	if number != Passer {
		c.jar, _ = cookiejar.New(nil) // it never fails without options
	}
	ways := [][]string{o.Proxies}
	if o.InTurn {
		ways = slices.Collect(slices.Chunk(o.Proxies, 1))
	}
	for _, proxies := range ways {
		c.ways = append(c.ways, http.Client{Jar: c.jar, Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return dial(ctx, proxies, network, address)
			},
		}})
	}
	return c
}

func (c *client) close() {
	for _, way := range c.ways {
		way.CloseIdleConnections()
	}
}

// ask sends one request to its end; the end of a Run cuts none off.
func (c *client) ask(method, id string) Record {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := Record{ID: id, Client: c.number, Method: method, Start: time.Now()}
	r.By, r.Err = c.exchange(ctx, &r)
	r.End = time.Now()
	c.settle(&r)
	return r
}

// settle notes where the client's session is now.
func (c *client) settle(r *Record) {
	if r.By != "" && c.number != Passer {
		r.Moved = c.last != "" && r.By != c.last
		c.last = r.By
	}
}

func (c *client) exchange(ctx context.Context, r *Record) (by string, err error) {
	url := c.opt.URL + "?id=" + r.ID
	var body []byte
	work := time.Duration(0)
	switch {
	case r.Method == http.MethodPost:
		body, work = content(r.ID), c.opt.Work
	case c.opt.Slow > 0 && rand.Float64() < slowShare:
		work = c.opt.Slow
	}
	if work > 0 {
		url += fmt.Sprintf("&ms=%d", work.Milliseconds())
	}
	connections := 0 // net/http sends again by itself where a kept connection was closed under it
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connections++ }})
	req, err := http.NewRequestWithContext(ctx, r.Method, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	c.turn++
	resp, err := c.ways[c.turn%len(c.ways)].Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	r.Status, r.RetryAfter = resp.StatusCode, resp.Header.Get("Retry-After")
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return "", fmt.Errorf("answer cut off: %w", err)
	case resp.StatusCode != http.StatusOK:
		return "", errors.New(strings.TrimSpace(string(text)))
	case connections > 1:
		return "", errors.New("the connection was closed under the request")
	}
	return c.check(string(text), r.ID, body)
}

// check reads who answered, and whether it was this request that was answered, whole.
func (c *client) check(text, id string, body []byte) (by string, err error) {
	hello, rest, _ := strings.Cut(text, "\n")
	by, found := strings.CutPrefix(hello, Greeting)
	if !found || by == "" {
		return "", fmt.Errorf("strange answer: %.200q", text)
	}
	if c.opt.Echo && rest != Echo(id, body) {
		return by, fmt.Errorf("answer to another request, or to another body: %.200q", rest)
	}
	return by, nil
}

// Echo is what e2e/app says of a request, after its greeting.
func Echo(id string, body []byte) string {
	sum := sha256.Sum256(body)
	return fmt.Sprintf("%s %d %s\n", id, len(body), hex.EncodeToString(sum[:]))
}

// content is the body of the POST of this id: another one for each, between 1 and 8 KiB.
func content(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return bytes.Repeat([]byte(hex.EncodeToString(sum[:])), 16+int(sum[0])%112)
}
