package configs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile reads a file of options. Its keys, joined by dots, are the paths of flags.
func readFile(name string) ([]setting, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("configfile: %w", err)
	}
	return readYAML(name, text)
}

func readYAML(name string, text []byte) ([]setting, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: not YAML: %w", quoteOdd(name), err)
	}
	r := yamlReader{name: quoteOdd(name), seen: map[string]int{}}
	if len(doc.Content) > 0 {
		r.read(doc.Content[0], doc.Content[0], "")
	}
	return r.settings, errors.Join(r.errs...)
}

// deepest is a bound on the work that a senseless file makes.
const deepest = 10

type yamlReader struct {
	name     string
	seen     map[string]int // path in lower case -> line
	settings []setting
	errs     []error
}

// read reads the value n of a key, whose line is what errors name.
func (r *yamlReader) read(key, n *yaml.Node, path string) {
	_, _, known := find(renamed(path))
	_, isForeign := findForeign(renamed(path))
	switch {
	case strings.Count(path, ".") > deepest:
		r.errorf(key, path[:strings.IndexByte(path, '.')], "keys are nested too deep; no option is below %d of them", deepest)
	case path == "" && n.Kind != yaml.MappingNode:
		if n.Tag != "!!null" {
			r.errorf(key, path, "keys and values are expected")
		}
	case isForeign && !known:
		r.add(key, path, "true") // whatever is below shares its fate
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		r.readMapping(n, path)
	case n.Kind == yaml.SequenceNode:
		r.readSequence(key, n, path)
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		r.add(key, path, n.Value)
	case n.Kind == yaml.AliasNode:
		r.errorf(key, path, "YAML aliases are not supported; write the value out")
	case !known && holds(path): // nothing, or {}, where other options may stand
	default: // Traefik's way to switch something on: "accessLog: {}"
		r.add(key, path, "true")
	}
}

func (r *yamlReader) readMapping(n *yaml.Node, path string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Value == "" || strings.Contains(key.Value, ".") {
			r.errorf(key, path, "a key must be one word without a dot")
			continue
		}
		at := key.Value
		if path != "" {
			at = path + "." + at
		}
		lower := strings.ToLower(at)
		if line, again := r.seen[lower]; again {
			r.errorf(key, at, "given a second time; the first is on line %d", line)
			continue
		}
		r.seen[lower] = key.Line
		r.read(key, n.Content[i+1], at)
	}
}

func (r *yamlReader) readSequence(key, n *yaml.Node, path string) {
	var values []string
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			r.errorf(item, path, "a list of single values is expected")
			return
		}
		values = append(values, item.Value)
	}
	r.add(key, path, strings.Join(values, ","))
	r.settings[len(r.settings)-1].list = true
}

func (r *yamlReader) add(n *yaml.Node, path, value string) {
	r.settings = append(r.settings, r.setting(n, path, value))
}

func (r *yamlReader) errorf(n *yaml.Node, path, format string, a ...any) {
	r.errs = append(r.errs, r.setting(n, path, "").errorf(format, a...))
}

func (r *yamlReader) setting(n *yaml.Node, path, value string) setting {
	return setting{path: path, value: value, origin: origin{medium: file, place: fmt.Sprintf("%s:%d", r.name, n.Line)}}
}

// holds tells whether options stand below a path.
func holds(path string) bool {
	keys := strings.Split(strings.ToLower(renamed(path)), ".")
	for _, g := range table {
		for _, o := range g.options {
			if pattern := strings.Split(o.path, "."); len(keys) < len(pattern) && begins(keys, pattern[:len(keys)]) {
				return true
			}
		}
	}
	return false
}
