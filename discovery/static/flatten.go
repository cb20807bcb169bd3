package static

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fairlead-proxy/fairlead/discovery"
	"github.com/fairlead-proxy/fairlead/discovery/labels"
)

// deepest is how many words a key may have; the grammar's longest has less than ten.
const deepest = 12

// most is how many nodes are looked at: aliases of aliases can make a small file endless.
const most = 1 << 17

// A flattener turns a YAML document into the settings of the grammar.
type flattener struct {
	filename string
	visited  int
	settings []labels.Setting
	problems []discovery.Problem
}

func (f *flattener) walk(n *yaml.Node, path []string) {
	if f.visited++; f.visited > most {
		return
	}
	switch {
	case len(path) > deepest:
		f.problem(n, path, "it lies too deep", "take it away")
	case n.Kind == yaml.MappingNode:
		f.mapping(n, path)
	case n.Kind == yaml.SequenceNode && scalars(n):
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			items[i] = item.Value
		}
		f.set(n, path, strings.Join(items, ","))
	case n.Kind == yaml.SequenceNode:
		last := len(path) - 1
		for i, item := range n.Content {
			item = at(item, item.Line)
			numbered := append(path[:last:last], fmt.Sprintf("%s[%d]", path[last], i))
			if item.Kind == yaml.SequenceNode { // which may even hold itself, by an alias
				f.problem(item, numbered, "it is a list in a list", "take it out of one of them")
				continue
			}
			f.walk(item, numbered)
		}
	case n.Tag != "!!null":
		f.set(n, path, n.Value)
	case switches(path):
		f.problem(n, path, "it is empty", "write {} to ask for it with its defaults, or take it away")
	}
}

// switches says whether a key asks for something by being there at all.
func switches(path []string) bool {
	last := path[len(path)-1]
	return len(path) > 3 && slices.ContainsFunc([]string{"tls", "sticky", "cookie"}, func(word string) bool {
		return strings.EqualFold(word, last)
	})
}

func (f *flattener) mapping(n *yaml.Node, path []string) {
	if len(n.Content) == 0 && len(path) > 0 && switches(path) {
		f.set(n, path, "true")
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		below := append(path[:len(path):len(path)], name.Value)
		word := strings.ToLower(name.Value)
		switch line, twice := seen[word]; {
		case name.Tag == "!!merge":
			f.problem(name, below, "merge keys are not supported", "write the keys out")
		case twice:
			f.problem(name, below, fmt.Sprintf("it is there twice: line %d is used", line), "keep one of them")
		default:
			seen[word] = name.Line
			f.walk(at(value, name.Line), below)
		}
	}
}

// at is what a node or its alias holds, with the line of its key.
func at(n *yaml.Node, line int) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	moved := *n
	moved.Line = line
	return &moved
}

func (f *flattener) set(n *yaml.Node, path []string, value string) {
	f.settings = append(f.settings, labels.Setting{Subject: f.at(n.Line), Path: path, Value: value})
}

func (f *flattener) problem(n *yaml.Node, path []string, wrong, cure string) {
	f.problems = append(f.problems, discovery.Problem{Subject: f.at(n.Line), Label: strings.Join(path, "."), Wrong: wrong, Cure: cure})
}

func (f *flattener) at(line int) string { return f.filename + ":" + strconv.Itoa(line) }

func scalars(n *yaml.Node) bool {
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return false
		}
	}
	return true
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// explainYAML names the file and the line at which it cannot be read.
func explainYAML(filename string, err error) error {
	text := err.Error()
	found := yamlLine.FindStringSubmatch(text)
	if found == nil || found[1] == "" {
		return fmt.Errorf("%s: not YAML: %s", filename, strings.TrimPrefix(text, "yaml: "))
	}
	return fmt.Errorf("%s:%s: not YAML: %s", filename, found[1], text[len(found[0]):])
}
