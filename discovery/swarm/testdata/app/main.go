// The app answers on :8000 and takes three seconds to stop.
package main

import (
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() { _ = http.ListenAndServe(":8000", nil) }()
	<-stop
	time.Sleep(3 * time.Second)
}
