// Package static takes routers and services from a file in the format of Traefik's dynamic
// configuration (YAML), for benches and for people without a Swarm. The grammar is that of labels.
package static

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// interval is how often the file is looked at.
const interval = time.Second

// A Source reads one file, and reads it again each time it changes.
type Source struct {
	filename string
	log      zerolog.Logger

	mu     sync.Mutex
	status discovery.Status

	// Run's own.
	stamp   stamp
	content []byte
	read    bool // content is what the file held when stamp was taken
	applied *discovery.Snapshot
}

// A stamp changes when a file is written, save for writes of one size within its clock's grain.
type stamp struct {
	size     int64
	modified time.Time
}

// New makes a source of the file of that name, which need not exist yet.
func New(filename string, log zerolog.Logger) *Source {
	return &Source{filename: filename, log: log.With().Str("file", filename).Logger()}
}

// Run looks at the file each second until ctx ends, and calls apply when what it says has changed.
// A file that is missing or broken leaves the last good snapshot in force; Run says so once, and
// waits.
func (s *Source) Run(ctx context.Context, apply func(discovery.Snapshot)) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		snap, err := s.look()
		s.note(err)
		if err == nil && (s.applied == nil || !reflect.DeepEqual(*s.applied, snap)) {
			s.applied = &snap
			apply(snap)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Status tells when the file was last read, or why it cannot be.
func (s *Source) Status() discovery.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// look gives what the file says now.
func (s *Source) look() (discovery.Snapshot, error) {
	info, err := os.Stat(s.filename)
	if err != nil {
		s.read = false
		return discovery.Snapshot{}, explain(s.filename, err)
	}
	now := stamp{info.Size(), info.ModTime()}
	// What was written a moment ago may be written again without a new stamp.
	settled := time.Since(now.modified) > 2*interval
	if s.read && now == s.stamp && settled {
		return s.last()
	}
	content, err := os.ReadFile(s.filename)
	if err != nil {
		s.read = false
		return discovery.Snapshot{}, explain(s.filename, err)
	}
	same := s.read && bytes.Equal(content, s.content)
	s.stamp, s.content, s.read = now, content, true
	if same {
		return s.last()
	}
	return parse(s.filename, content)
}

// last is what look gave the last time.
func (s *Source) last() (discovery.Snapshot, error) {
	if err := s.Status().Err; err != nil {
		return discovery.Snapshot{}, err
	}
	return *s.applied, nil
}

// note keeps the status, and says once when the file cannot be used and when it can again.
func (s *Source) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.status.Err
	if err == nil {
		s.status = discovery.Status{Seen: time.Now()}
		if before != nil {
			s.log.Info().Msg("the file can be used again")
		}
		return
	}
	if before != nil && before.Error() == err.Error() {
		return
	}
	if before == nil {
		s.status.Since = time.Now()
	}
	s.status.Err = err
	then := "what it said before stays in force"
	if s.applied == nil {
		then = "waiting for it"
	}
	s.log.Error().Err(err).Msg("the file cannot be used: " + then)
}

// explain adds the cure to an error of the file system.
func explain(filename string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: write it, or correct --providers.file.filename", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: let user %d read it", err, os.Getuid())
	}
	return fmt.Errorf("reading %s: %w", filename, err)
}
