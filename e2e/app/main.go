// Command app is the replica of the tests: it says which container answers, repeats what it
// was sent, keeps a journal, and stops as its character is.
//
//	CHARACTER=die       exits at once on SIGTERM and finishes nothing
//	CHARACTER=linger    goes on serving for a second after SIGTERM, then finishes what it has
//	PORT=8000           where it listens
//	JOURNAL=/journal    directory of the host; each container writes the file of its name there
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/load"
)

const linger = time.Second

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	port := cmp.Or(os.Getenv("PORT"), "8000")
	if len(args) > 0 { // healthcheck or sicken, and a port if it is to be another
		return ask(cmp.Or(strings.Join(args[1:], " "), port), "/"+args[0])
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	j, err := openJournal(filepath.Join(os.Getenv("JOURNAL"), host))
	if err != nil {
		return err
	}
	return serve(j, host, port, os.Getenv("CHARACTER"))
}

// ask is the other half of what serve offers to this container: its health check, and a way to spoil that.
func ask(port, path string) error {
	resp, err := http.Get("http://127.0.0.1:" + port + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// serve answers until SIGTERM, and then as long as its character says.
func serve(j *journal, host, port, character string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	mux := http.NewServeMux()
	var sick atomic.Bool
	mux.HandleFunc("/healthcheck", func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/sicken", func(http.ResponseWriter, *http.Request) { sick.Store(true) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { answer(j, host, w, r) })
	server := &http.Server{Addr: ":" + port, Handler: mux}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-stop:
	}
	switch character {
	case "die":
		return j.endWith("SIGTERM")
	case "linger":
		j.write("SIGTERM")
		time.Sleep(linger)
		return server.Shutdown(context.Background())
	}
	return fmt.Errorf("CHARACTER=%s is none", character)
}

// answer repeats what it was sent, after as many milliseconds as it is asked to take.
func answer(j *journal, host string, w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	j.write(r.Method + " " + id)
	if r.Header.Get("Upgrade") == "websocket" {
		converse(host, w)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if ms, err := strconv.Atoi(r.URL.Query().Get("ms")); err == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	fmt.Fprintf(w, "%s%s\n%s", load.Greeting, host, load.Echo(id, body))
}

// converse sends all messages of a WebSocket back, after its own name, until the client or the process goes.
func converse(host string, w http.ResponseWriter) {
	s, err := load.Accept(w)
	if err != nil {
		panic(err)
	}
	defer s.Close()
	for err == nil {
		var text string
		if text, err = s.Receive(time.Hour); err == nil {
			err = s.Send(host + " " + text)
		}
	}
}
