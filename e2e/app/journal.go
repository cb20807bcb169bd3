package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// A journal has a line for each request that arrived, and one for the signal to stop, each
// after its time in nanoseconds since 1970. It lies outside of the container and is written
// line by line, so it tells the truth about a container that was killed, too.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	return &journal{file: f}, err
}

// write fails loudly: a test must not take a lost line for a request that never came.
func (j *journal) write(what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.line(what); err != nil {
		panic(err)
	}
}

func (j *journal) line(what string) error {
	_, err := fmt.Fprintf(j.file, "%d %s\n", time.Now().UnixNano(), what)
	return err
}

// endWith writes the last line there will be and leaves nobody the time for another.
func (j *journal) endWith(what string) error {
	j.mu.Lock() // kept until the process ends
	return j.line(what)
}
