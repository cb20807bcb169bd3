//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A peer is a proxy that is measured.
type peer struct {
	name    string
	version []string                       // the command that tells it
	file    string                         // name of its configuration
	write   func(p *peer, to []int) string // its configuration, for backends at these ports
	command func(p *peer) []string
	env     []string

	path  string // of the configuration
	port  int
	admin int // port of Fairlead's admin entry point
	cmd   *exec.Cmd
	log   *os.File
}

func peers(fairlead string) []*peer {
	return []*peer{
		{
			name: "Fairlead", version: []string{fairlead, "version"}, file: "fairlead.yml", write: fairleadFile, env: []string{"GOMAXPROCS=1"},
			command: func(p *peer) []string {
				return []string{fairlead, "--providers.file.filename=" + p.path, "--entrypoints.web.address=" + local(p.port), "--entrypoints.admin.address=" + local(p.admin)}
			},
		},
		{
			name: "nginx", version: []string{"nginx", "-v"}, file: "nginx.conf", write: nginxFile,
			command: func(p *peer) []string { return []string{"nginx", "-e", "stderr", "-c", p.path} },
		},
		{
			name: "HAProxy", version: []string{"haproxy", "-v"}, file: "haproxy.cfg", write: haproxyFile,
			command: func(p *peer) []string { return []string{"haproxy", "-db", "-f", p.path} },
		},
	}
}

// start runs a peer on the core, with its configuration in dir, and waits until it answers.
func (p *peer) start(l *loop, dir string, core int, backends []*backend) error {
	if err := p.launch(dir, core, backends); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if err := p.await(l); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", p.name, err), p.stop())
	}
	return nil
}

func (p *peer) launch(dir string, core int, backends []*backend) (err error) {
	if p.port, p.admin, err = freePorts(); err != nil {
		return err
	}
	var to []int
	for _, b := range backends {
		to = append(to, b.port)
	}
	p.path = filepath.Join(dir, p.file)
	if err := os.WriteFile(p.path, []byte(p.write(p, to)), 0o644); err != nil {
		return err
	}
	if p.log, err = os.Create(p.path + ".log"); err != nil {
		return err
	}
	p.cmd = exec.Command("taskset", append([]string{"-c", strconv.Itoa(core)}, p.command(p)...)...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return p.cmd.Start()
}

// await asks until an answer is right.
func (p *peer) await(l *loop) error {
	var err error
	for range 50 {
		var d *load
		if d, err = open(l, p.port, scenario{name: "first request", target: small, size: smallSize, conns: 1}); err == nil {
			if err = d.start(); err == nil {
				err = d.run(100*time.Millisecond, func() bool { return d.answered > 0 })
			}
			d.close()
			if d.answered > 0 {
				return nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	said, _ := os.ReadFile(p.log.Name())
	return fmt.Errorf("does not answer: %w; it said:\n%s", err, said)
}

// stop ends the peer, by force if it does not go.
func (p *peer) stop() error {
	defer p.log.Close()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	kill := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait() // how it ends is not what is measured
	return nil
}

// freePorts are two that nobody listens on.
func freePorts() (a, b int, err error) {
	var ports [2]int
	for i := range ports {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, 0, err
		}
		defer ln.Close()
		ports[i] = ln.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1], nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// tell is the first line that the version command prints.
func (p *peer) tell() string {
	out, err := exec.Command(p.version[0], p.version[1:]...).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	line, _, _ = strings.Cut(line, " - ")
	return strings.TrimPrefix(line, "nginx version: ")
}
