package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A stack that a test deployed.
type stack struct {
	*engine
	name    string
	url     string
	app     string // the name of the service behind the proxy
	journal string // directory of the app's journals; "": the app keeps none
}

const replicas = 6

// deployFlask does what a user does: make deploy.
func deployFlask(t *testing.T) *stack {
	t.Helper()
	s := &stack{engine: onEngine(t), name: fmt.Sprintf("fle2e%d-flask", os.Getpid())}
	s.app = s.name + "_flask"
	port := freePort(t)
	t.Setenv("STACK", s.name)
	t.Setenv("PORT", port)
	t.Cleanup(func() { command(t, nil, "make", "remove") })
	dumpOnFailure(t, s)
	address := command(t, nil, "make", "--no-print-directory", "deploy")
	if want := "http://localhost:" + port + "/"; address != want {
		t.Fatalf("make deploy printed %q, want %q", address, want)
	}
	s.url = address
	return s
}

// deployApp deploys stack.yml: the proxy of that image, before replicas of a character.
func deployApp(t *testing.T, e *engine, name, proxyImage, character string) *stack {
	t.Helper()
	return deployFrom(t, e, name, proxyImage, character, "stack.yml")
}

// deployFrom deploys stack files of this folder that have the variables of stack.yml.
func deployFrom(t *testing.T, e *engine, name, proxyImage, character string, files ...string) *stack {
	t.Helper()
	s := &stack{engine: e, name: fmt.Sprintf("fle2e%d-%s", os.Getpid(), name), journal: t.TempDir()}
	s.app = s.name + "_app"
	port := freePort(t)
	s.url = "http://localhost:" + port + "/"
	env := []string{
		"FAIRLEAD_IMAGE=" + proxyImage, "APP_IMAGE=" + buildImage(t, "app"), "CHARACTER=" + character, "PORT=" + port,
		"NODE=" + s.node, "JOURNAL=" + s.journal, fmt.Sprintf("APP_USER=%d:%d", os.Getuid(), os.Getgid()),
	}
	t.Cleanup(func() { s.remove(t) })
	dumpOnFailure(t, s)
	args := []string{"stack", "deploy", "--resolve-image", "never"}
	for _, f := range files {
		args = append(args, "-c", "e2e/"+f)
	}
	command(t, env, "docker", append(args, s.name)...)
	eventually(t, "the stack is healthy", time.Minute, func() bool {
		return len(s.running(t)) == replicas && answers(s.url)
	})
	return s
}

// remove takes the stack away and waits until its containers are gone, lest they disturb the next test.
func (s *stack) remove(t *testing.T) {
	docker(t, "stack", "rm", s.name)
	eventually(t, "the stack is gone", time.Minute, func() bool {
		return docker(t, "ps", "-aq", "--filter", "label=com.docker.stack.namespace="+s.name) == ""
	})
	for _, volume := range strings.Fields(docker(t, "volume", "ls", "-q", "--filter", "label=com.docker.stack.namespace="+s.name)) {
		docker(t, "volume", "rm", volume)
	}
}

// running are the tasks that the cluster wants and says are running.
func (s *stack) running(t *testing.T) []task {
	t.Helper()
	all, err := s.tasks(t.Context(), s.app)
	if err != nil {
		t.Fatal(err)
	}
	var running []task
	for _, k := range all {
		if k.running() {
			running = append(running, k)
		}
	}
	return running
}

// answers tells whether a page can be had.
func answers(url string) bool {
	resp, err := http.Get(url)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

// freePort is a port of this machine, of those that the tests may take, that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	for port := 18100; port <= 18120; port++ {
		ln, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			ln.Close()
			return fmt.Sprint(port)
		}
	}
	t.Fatal("ports 18100 to 18120 are all taken")
	return ""
}

// proxyImage builds the proxy as users do and returns its image.
func proxyImage(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(command(t, nil, "make", "--no-print-directory", "build")) {
		if image, found := strings.CutPrefix(line, "FAIRLEAD_IMAGE="); found {
			return strings.TrimSpace(image)
		}
	}
	t.Fatal("make build names no FAIRLEAD_IMAGE")
	return ""
}

// buildImage builds a program of this folder here, and puts it into an image.
func buildImage(t *testing.T, name string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	env := []string{"CGO_ENABLED=0"}
	command(t, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), "./e2e/"+name)
	image := "fairlead-e2e-" + name + ":latest"
	args = append([]string{"build", "-f", "e2e/" + name + "/Dockerfile", "-t", image}, append(args, dir)...)
	command(t, env, "docker", args...)
	return image
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, limit time.Duration, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// dumpOnFailure prints why tasks do not run and what the proxy said, without its access log, before
// the stack is removed.
func dumpOnFailure(t *testing.T, s *stack) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		commands := [][]string{
			{"stack", "ps", "--no-trunc", "--format", "{{.Name}} {{.ID}} {{.DesiredState}} {{.CurrentState}} {{.Error}}", s.name},
		}
		for _, c := range strings.Fields(proxyContainer(t, s)) {
			commands = append(commands, []string{"logs", c})
		}
		for _, args := range commands {
			c := exec.Command("docker", args...)
			var out strings.Builder
			c.Stderr = &out
			if args[0] != "logs" {
				c.Stdout = &out
			}
			err := c.Run()
			const most = 30_000
			t.Logf("docker %s: %v\n%s", strings.Join(args, " "), err, out.String()[max(0, out.Len()-most):])
		}
	})
}

func proxyContainer(t *testing.T, s *stack) string {
	t.Helper()
	return docker(t, "ps", "-q", "--filter", "label=com.docker.swarm.service.name="+s.name+"_proxy")
}
