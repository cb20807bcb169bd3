package swarm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/errdefs/pkg/errhttp"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
)

// largestAnswer, in bytes, is far beyond any Swarm's, and bounds what an endless one can cost.
const largestAnswer = 256 << 20

// get lists one kind of object over the client's own connections, in the version that it negotiated.
// The client's list calls decode every object each time; in a cluster of thousands of tasks that is most
// of what a listing costs, and in nearly all of them nothing has changed since the last one.
func get[T any](ctx context.Context, e *engine, known *objects[T], path string, args filters.Args) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	list, err := func() ([]T, error) {
		if err := e.read(ctx, path, args); err != nil {
			return nil, err
		}
		return known.decode(e.body.Bytes())
	}()
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	return list, nil
}

// read leaves the answer in e.body, which the next call writes over.
func (e *engine) read(ctx context.Context, path string, args filters.Args) error {
	u := url.URL{Scheme: "http", Host: e.host, Path: e.base + "/v" + e.api.ClientVersion() + path}
	if args.Len() > 0 {
		filter, err := filters.ToJSON(args)
		if err != nil {
			return err
		}
		u.RawQuery = url.Values{"filters": {filter}}.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	answer, err := e.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	e.body.Reset()
	if _, err := e.body.ReadFrom(io.LimitReader(answer.Body, largestAnswer)); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return failure(answer.StatusCode, e.body.Bytes())
	}
	return nil
}

// failure is what the engine says ({"message": …}), or what stands between it and us.
func failure(code int, body []byte) error {
	var said struct{ Message string }
	if json.Unmarshal(body, &said) != nil || said.Message == "" {
		said.Message = string(body[:min(len(body), 200)])
	}
	return fmt.Errorf("%d: %s: %w", code, strings.TrimSpace(said.Message), errhttp.ToNative(code))
}

// hostOf is where requests to the endpoint go: any name will do on a unix socket.
func hostOf(endpoint string) (host, base string, err error) {
	u, err := client.ParseHostURL(endpoint)
	if err != nil {
		return "", "", err
	}
	if u.Scheme == "unix" || u.Scheme == "npipe" {
		return client.DummyHost, "", nil
	}
	return u.Host, strings.TrimSuffix(u.Path, "/"), nil
}

// objects are those of one kind that were decoded before, by a hash of their JSON: one whose JSON is the
// same is the same object. Only those of the last list are kept. They are shared, never written to.
type objects[T any] struct {
	seed maphash.Seed
	last map[uint64]T
}

func newObjects[T any]() *objects[T] { return &objects[T]{seed: maphash.MakeSeed()} }

// decode reads an array of objects.
func (o *objects[T]) decode(body []byte) ([]T, error) {
	parts, err := split(body)
	if err != nil {
		return nil, err
	}
	list, next := make([]T, len(parts)), make(map[uint64]T, len(parts))
	for i, part := range parts {
		key := maphash.Bytes(o.seed, part)
		v, ok := o.last[key]
		if !ok {
			if err := json.Unmarshal(part, &v); err != nil {
				return nil, fmt.Errorf("%w: %w", errGarbage, err)
			}
		}
		list[i], next[key] = v, v
	}
	o.last = next
	return list, nil
}

var errNoArray = fmt.Errorf("no array of objects: %w", errGarbage)

// split cuts an array of objects into its members. It trusts nothing but braces and quotes: what is
// within an object is seen to when that is decoded.
func split(body []byte) ([][]byte, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if body[0] != '[' {
		return nil, errNoArray
	}
	var parts [][]byte
	for rest := bytes.TrimLeft(body[1:], " \t\r\n"); ; {
		if len(rest) == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		switch {
		case rest[0] == ']' && len(rest) == 1:
			return parts, nil
		case rest[0] == ',' && len(parts) > 0:
			rest = rest[1:]
		case rest[0] == '{':
			n := end(rest)
			if n < 0 {
				return nil, io.ErrUnexpectedEOF
			}
			parts, rest = append(parts, rest[:n]), rest[n:]
		default:
			return nil, errNoArray
		}
		rest = bytes.TrimLeft(rest, " \t\r\n")
	}
}

// end is the length of the object that b begins with; -1 if it does not end.
func end(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return -1
}
