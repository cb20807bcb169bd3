package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// probeGRPC asks the standard health service of gRPC (grpc.health.v1.Health/Check) about the
// server as a whole. Its one-field messages are small enough to be written by hand:
// the request is an empty message, the answer's field 1 says 1 for SERVING.
func probeGRPC(ctx context.Context, client *http.Client, t discovery.Task) error {
	r, err := probeRequest(ctx, t)
	if err != nil {
		return err
	}
	r.Method = http.MethodPost
	r.URL.Path = "/grpc.health.v1.Health/Check"
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Te", "trailers")
	empty := []byte{0, 0, 0, 0, 0} // not compressed, length 0
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(empty)), int64(len(empty))
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	const most = 1 << 10
	message, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return err
	}
	status := resp.Trailer.Get("Grpc-Status")
	if status == "" {
		status = resp.Header.Get("Grpc-Status") // an answer of trailers only
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("answered %d to a gRPC health check", resp.StatusCode)
	case status != "0":
		return fmt.Errorf("gRPC status %q: %s", status, resp.Trailer.Get("Grpc-Message"))
	case !bytes.Equal(message, []byte{0, 0, 0, 0, 2, 0x08, 0x01}):
		return errors.New("gRPC health service does not say SERVING")
	}
	return nil
}

// grpcClient speaks HTTP/2 alone, in the clear or over TLS.
func grpcClient(tlsTransport *http.Transport) *http.Client {
	t := tlsTransport.Clone()
	t.DisableKeepAlives = false // with it HTTP/2 would not be spoken over TLS
	t.MaxIdleConnsPerHost = -1
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: t}
}
