package labels

import (
	"fmt"
	"strings"
	"text/template"
	"unicode"

	"github.com/fairlead-proxy/fairlead/discovery"
)

// DefaultRule is Traefik's rule for a router without one.
const DefaultRule = "Host(`{{ normalize .Name }}`)"

// ruleFuncs are the functions that Traefik's users write in default rules. Arguments come in the
// order of the sprig library, whose names these are.
func ruleFuncs() template.FuncMap {
	return template.FuncMap{
		"normalize":  Normalize,
		"lower":      strings.ToLower,
		"upper":      strings.ToUpper,
		"trim":       strings.TrimSpace,
		"trimPrefix": func(prefix, s string) string { return strings.TrimPrefix(s, prefix) },
		"trimSuffix": func(suffix, s string) string { return strings.TrimSuffix(s, suffix) },
		"replace":    func(from, to, s string) string { return strings.ReplaceAll(s, from, to) },
		"splitList":  func(sep, s string) []string { return strings.Split(s, sep) },
		"first": func(list []string) string {
			if len(list) == 0 {
				return ""
			}
			return list[0]
		},
		"default": func(fallback, s string) string {
			if s == "" {
				return fallback
			}
			return s
		},
	}
}

// parseDefaultRule never returns nil: a template that cannot be used leaves Traefik's in force, and
// a Problem.
func parseDefaultRule(text string) (*template.Template, []discovery.Problem) {
	fallback := template.Must(template.New("defaultRule").Funcs(ruleFuncs()).Parse(DefaultRule))
	if text == "" {
		return fallback, nil
	}
	rule, err := template.New("defaultRule").Funcs(ruleFuncs()).Parse(text)
	if err != nil {
		return fallback, []discovery.Problem{{
			Subject: "engine", Label: "providers.swarm.defaultRule",
			Wrong: fmt.Sprintf("the template cannot be read: %v", err),
			Cure:  "write a Go template such as " + DefaultRule,
		}}
	}
	return rule, nil
}

// ruleFor is the default rule of a Swarm service.
func ruleFor(rule *template.Template, s *Service) (string, error) {
	var text strings.Builder
	err := rule.Execute(&text, map[string]any{"Name": Normalize(s.Name), "ContainerName": s.Name, "Labels": s.Labels})
	return strings.TrimSpace(text.String()), err
}

// Normalize makes the name of an object of that of a Swarm service, as Traefik does: what is
// neither a letter nor a digit becomes a hyphen.
func Normalize(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsNumber(c)
	}), "-")
}
