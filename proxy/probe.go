package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/fairlead-proxy/fairlead/balancer"
	"github.com/fairlead-proxy/fairlead/discovery"
)

// dialer tells whether a port accepts connections.
func dialer(timeout time.Duration) balancer.Dial {
	d := net.Dialer{Timeout: timeout}
	return func(ctx context.Context, a discovery.Address) error {
		c, err := d.DialContext(ctx, "tcp", a.HostPort)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// prober asks a task for its health as its labels say. Each probe takes a connection of its
// own: one that is kept alive would go on passing where new ones are refused.
func prober(tlsConfig *tls.Config) balancer.Probe {
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: tlsConfig}
	plain := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	following := &http.Client{Transport: transport}
	grpc := grpcClient(transport)
	return func(ctx context.Context, t discovery.Task) error {
		if t.Probe.Mode == "grpc" {
			return probeGRPC(ctx, grpc, t)
		}
		r, err := probeRequest(ctx, t)
		if err != nil {
			return err
		}
		client := plain
		if t.Probe.FollowRedirects {
			client = following
		}
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		// What is left unread costs the connection, which ends here anyway.
		_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
		return judge(t.Probe, resp.StatusCode)
	}
}

func probeRequest(ctx context.Context, t discovery.Task) (*http.Request, error) {
	hc := t.Probe
	hostPort := t.Address.HostPort
	if hc.Port != 0 {
		host, _, err := net.SplitHostPort(hostPort)
		if err != nil {
			return nil, fmt.Errorf("address of task %s: %w", t.Name, err)
		}
		hostPort = net.JoinHostPort(host, strconv.Itoa(hc.Port))
	}
	scheme := hc.Scheme
	if scheme == "" {
		scheme = t.Address.Scheme
	}
	if scheme == "h2c" {
		scheme = "http"
	}
	r, err := http.NewRequestWithContext(ctx, hc.Method, scheme+"://"+hostPort+hc.Path, nil)
	if err != nil {
		return nil, fmt.Errorf("health check of task %s: %w", t.Name, err)
	}
	r.Header.Set("User-Agent", "fairlead-healthcheck")
	for name, value := range hc.Headers {
		r.Header.Set(name, value)
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	if hc.Hostname != "" {
		r.Host = hc.Hostname
	}
	return r, nil
}

// judge is Traefik's: the status that was asked for, or any that is not an error.
func judge(hc *discovery.Probe, status int) error {
	if hc.Status != 0 && status != hc.Status {
		return fmt.Errorf("answered %d, not %d", status, hc.Status)
	}
	if hc.Status == 0 && (status < 200 || status > 399) {
		return fmt.Errorf("answered %d, which is neither 2xx nor 3xx", status)
	}
	return nil
}
