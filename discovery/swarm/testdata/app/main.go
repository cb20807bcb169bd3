// The app answers on :8000 and takes three seconds to stop. `app sick` makes its health check, `app check`, fail.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const sick = "/sick"

func main() {
	if len(os.Args) > 1 {
		os.Exit(health(os.Args[1]))
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() { _ = http.ListenAndServe(":8000", nil) }()
	<-stop
	fmt.Println(time.Now().UnixMilli(), "told to stop")
	time.Sleep(3 * time.Second)
}

func health(verb string) int {
	if verb == "sick" {
		if err := os.WriteFile(sick, nil, 0o600); err != nil {
			return 2
		}
		return 0
	}
	if _, err := os.Stat(sick); err == nil {
		return 1
	}
	return 0
}
