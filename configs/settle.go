package configs

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// admin is the name of the entry point of ping, readiness and metrics.
const admin = "admin"

// settle turns what was given into a complete Config, and says what does not go together.
func (d *draft) settle() error {
	if !d.given["accesslog"] {
		d.AccessLog.Enabled = d.givenBelow("accesslog")
	}
	if !d.ping {
		d.warn("ping=false has no effect: /ping is always on, on the entry point %s", admin)
	}
	if !d.metrics {
		d.warn("metrics.prometheus=false has no effect: /metrics is always on, on the entry point %s", admin)
	}
	return errors.Join(d.settleEntryPoints(), d.settleSource())
}

// givenBelow tells whether somebody wrote an option below a path.
func (d *draft) givenBelow(path string) bool {
	for p := range d.given {
		if strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

func (d *draft) settleEntryPoints() error {
	if len(d.entries) == 1 {
		d.ensure("web").Address = ":80"
	}
	var errs []error
	for key, e := range d.entries {
		switch {
		case key == admin:
		case e.Address == "" && !d.given["entrypoints."+key+".address"]:
			errs = append(errs, fmt.Errorf("entry point %s has no address; set entrypoints.%s.address, such as :80", quoteOdd(e.Name), quoteOdd(e.Name)))
		default:
			d.EntryPoints = append(d.EntryPoints, *e)
		}
	}
	slices.SortFunc(d.EntryPoints, func(a, b EntryPoint) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	d.Admin = *d.entry(admin)
	if d.Admin.Door != "" {
		errs = append(errs, fmt.Errorf("entrypoints.%s.door: each proxy has an entry point %s of its own; drop this option", admin, admin))
	}
	if !d.given["entrypoints.admin.address"] {
		d.placeAdmin()
	}
	all := append(slices.Clone(d.EntryPoints), d.Admin)
	for i, a := range all {
		for _, b := range all[:i] {
			if collide(a, b) {
				errs = append(errs, fmt.Errorf("entry points %s (%s) and %s (%s) cannot both listen; give one another port",
					quoteOdd(b.Name), b.Address, quoteOdd(a.Name), a.Address))
			}
		}
	}
	return errors.Join(errs...)
}

// placeAdmin gives the admin entry point the first port from 8080 on that no other wants,
// so that an entry point on 8080 needs no second option.
func (d *draft) placeAdmin() {
	for port := 8080; ; port++ {
		d.Admin.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if !slices.ContainsFunc(d.EntryPoints, func(e EntryPoint) bool { return collide(e, d.Admin) }) {
			if port != 8080 {
				d.warn("entry point %s listens on %s because port 8080 is wanted by another", admin, d.Admin.Address)
			}
			return
		}
	}
}

// collide tells whether two entry points cannot both listen. Those of a door do that elsewhere.
func collide(a, b EntryPoint) bool {
	hostA, portA, _ := net.SplitHostPort(a.Address)
	hostB, portB, _ := net.SplitHostPort(b.Address)
	anyHost := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	return a.Door == b.Door && portA == portB && portA != "" && portA != "0" && (hostA == hostB || anyHost(hostA) || anyHost(hostB))
}

// settleSource finds the one place where routers and services come from.
func (d *draft) settleSource() error {
	fromFile := d.file.Filename != ""
	swarm := d.swarmOn
	if !d.given["providers.swarm"] {
		swarm = d.givenBelow("providers.swarm") || !fromFile
	}
	switch {
	case d.docker && !(d.swarmMode && d.swarmOn):
		return errors.New("providers.docker: single containers are not supported; for a Swarm write providers.swarm instead (in Traefik v2 it was providers.docker.swarmmode=true)")
	case d.given["providers.file.watch"] && !fromFile:
		return errors.New("providers.file: no file; set providers.file.filename")
	case swarm && fromFile:
		return errors.New("providers.swarm and providers.file: routers come from one of them; drop the options of the other")
	case fromFile:
		d.File = &d.file
		if !d.fileWatch {
			d.warn("providers.file.watch=false has no effect: the file is always watched")
		}
		return nil
	case !swarm:
		return errors.New("no source of routers: providers.swarm is off; set providers.file.filename or switch it on")
	}
	return d.settleSwarm()
}

func (d *draft) settleSwarm() error {
	d.Swarm = &d.swarm
	if d.docker {
		d.warn("providers.docker with swarmmode is read as providers.swarm, its name since Traefik v3")
	}
	if !d.swarmWatch {
		d.warn("providers.swarm.watch=false has no effect: the cluster is always watched")
	}
	if d.refresh > slowest {
		d.warn("providers.swarm.refreshseconds: %v is read as %v: leaving tasks must be seen before they stop", d.refresh, slowest)
	}
	if d.refresh > 0 && !d.given["providers.swarm.interval"] {
		d.swarm.Interval = min(d.refresh, slowest)
	}
	if host := d.lookup("DOCKER_HOST"); host != "" && !d.given["providers.swarm.endpoint"] {
		k := endpoint()
		at, err := k.parse(host)
		if err != nil {
			return fmt.Errorf("environment variable DOCKER_HOST: %q is not accepted; write %s, or set providers.swarm.endpoint", host, k.accepts)
		}
		d.swarm.Endpoint = at
	}
	return nil
}

// lookup is the value of a variable of the environment, "" if it is not set.
func (d *draft) lookup(key string) string {
	for _, e := range slices.Backward(d.environ) {
		if value, ok := strings.CutPrefix(e, key+"="); ok {
			return value
		}
	}
	return ""
}
