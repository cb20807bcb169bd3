package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/fairlead-proxy/fairlead/configs"
)

// healthcheck asks the proxy of this machine or container, which has the same options, whether
// its entry points answer; if args begin with "door", the door whether it hands out its sockets.
func healthcheck(ctx context.Context, args []string) error {
	const patience = 4 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if len(args) > 0 && args[0] == "door" {
		return checkDoor(ctx, args[1:])
	}
	config, err := configs.Load(args, os.Environ())
	if err != nil {
		return err
	}
	url := "http://" + local(config.Admin.Address) + "/healthy"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("no proxy answers at the admin entry point: %w", err)
	}
	defer resp.Body.Close()
	const most = 1 << 10
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("unhealthy: %s", strings.TrimSpace(string(text)))
	}
	return nil
}

// local is an address to listen on as one to dial from the same machine.
func local(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
