//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profile has Fairlead tell where its CPU time goes while it answers 64 bytes as fast as it can.
func profile(l *loop, p plan, fairlead *peer, dir string, backends []*backend) (err error) {
	dir = filepath.Join(dir, "profile")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := fairlead.start(l, dir, p.core, backends); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fairlead.stop()) }()
	const length = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), 2*length)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", local(fairlead.admin), int(length.Seconds()))
		done <- save(ctx, url, p.profile)
	}()
	d, err := open(l, fairlead.port, scenarios[0])
	if err == nil {
		defer d.close()
		err = d.start()
	}
	if err == nil {
		err = d.run(length+time.Second, never)
	}
	return errors.Join(err, <-done)
}

// save writes what a URL answers to a file.
func save(ctx context.Context, url, file string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}
