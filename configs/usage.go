package configs

import (
	"fmt"
	"io"
	"strings"
)

const preamble = `Fairlead is the edge proxy for Docker Swarm that is built to lose no request. It learns from
the cluster which replicas are healthy and which are about to go, keeps each browser on
its replica with a cookie, and takes a replica out of service before Swarm stops it.
Services keep the labels that they have for Traefik.

Usage:
  fairlead [command] [options]

Commands:
  run          serve; the default. Without any option: :80, from the engine of this machine
  door         listen for the proxies of this node, so that they can come and go: see docs/door.md
  demo         a simulated Swarm in this process, with updates and failures to watch
  healthcheck  whether the proxy of this container answers; for HEALTHCHECK. Give it the same options.
               healthcheck door: whether the door of this container hands out its sockets
  version      print the version

Options are written alike in three places; flags win over the environment, that over the
file, that over the defaults. Upper and lower case are one.
  flag         --hold.timeout=5s   or   --hold.timeout 5s   or, to switch on,   --accesslog
  environment  FAIRLEAD_HOLD_TIMEOUT=5s
  YAML file    hold:
                 timeout: 5s
Durations are written 500ms, 10s, 2m; a bare number is seconds. Lists are joined by commas.
Names are Traefik's where Traefik has the option. An option of Traefik's that is not here is
refused if leaving it out would change answers, else it is mentioned in the log.
`

const examples = `
Examples:
  fairlead
  fairlead --providers.swarm.network=edge --accesslog --accesslog.format=json
  fairlead --entrypoints.web.address=:8080 --entrypoints.web.forwardedheaders.trustedips=10.0.0.0/8
  fairlead --providers.file.filename=routes.yml --log.level=debug
  fairlead --configfile=/etc/fairlead/fairlead.yml
  FAIRLEAD_HOLD_TIMEOUT=5s fairlead
`

// Usage writes the text of fairlead --help.
func Usage(w io.Writer) error {
	var b strings.Builder
	b.WriteString(preamble)
	for _, g := range table {
		fmt.Fprintf(&b, "\n%s:\n", g.title)
		for _, o := range g.options {
			def := ""
			if o.def != "" {
				def = "  (default " + o.def + ")"
			}
			form := "=<" + o.value.name + ">"
			if o.value.bare {
				form = "[" + form + "]"
			}
			fmt.Fprintf(&b, "  --%s%s%s\n", o.path, form, def)
			wrap(&b, "      ", o.help)
			fmt.Fprintf(&b, "      %s\n", strings.Replace(environment.spell(o.path), strings.ToUpper(placeholder), placeholder, 1))
		}
	}
	b.WriteString(examples)
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap writes text in lines of at most 90 letters, each indented.
func wrap(b *strings.Builder, indent, text string) {
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > 90:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
}
