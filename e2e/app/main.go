// Command app is the replica of the tests: it says which container answers, repeats what it
// was sent, keeps a journal, and stops as its character is.
//
//	CHARACTER=die       exits at once on SIGTERM and finishes nothing
//	CHARACTER=linger    goes on serving for a second after SIGTERM, then finishes what it has
//	JOURNAL=/journal    directory of the host; each container writes the file of its name there
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/fairlead-proxy/fairlead/e2e/load"
)

const (
	address = ":8000"
	linger  = time.Second
)

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "healthcheck" {
		return healthcheck(args[1])
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	j, err := openJournal(filepath.Join(os.Getenv("JOURNAL"), host))
	if err != nil {
		return err
	}
	return serve(j, host, os.Getenv("CHARACTER"))
}

// healthcheck asks the app of this container.
func healthcheck(port string) error {
	resp, err := http.Get("http://127.0.0.1:" + port + "/health")
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
func serve(j *journal, host, character string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { answer(j, host, w, r) })
	server := &http.Server{Addr: address, Handler: mux}
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
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if ms, err := strconv.Atoi(r.URL.Query().Get("ms")); err == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
	fmt.Fprintf(w, "%s%s\n%s", load.Greeting, host, load.Echo(id, body))
}
