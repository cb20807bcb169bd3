package labels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// reach finds the networks on which the proxy reaches a service's tasks, best first: the one that a
// label or the option names, then those that both are attached to, then the proxy's others, on which
// tasks may be that were made before their service changed networks.
func (c *conversion) reach(s *Service, d *Definition) []Network {
	attached := byName(s.Networks)
	shared := attached
	if c.shared != nil {
		shared = slices.DeleteFunc(slices.Clone(attached), func(n Network) bool {
			return !slices.ContainsFunc(c.shared, func(m Network) bool { return m.ID == n.ID })
		})
	}
	if n, ok := c.wanted(s, d, attached, shared); ok {
		return slices.Concat([]Network{n}, shared, c.shared)
	}
	switch {
	case len(shared) == 0:
		c.problem(s, "", "it shares no network with the proxy, so its tasks cannot be reached", c.cureUnreached(s))
	case len(shared) > 1:
		c.problem(s, "", fmt.Sprintf("it shares several networks with the proxy: %s is used", shared[0].Name),
			fmt.Sprintf("say which with %sswarm.network=%s", prefixOf(s), shared[0].Name))
	}
	return slices.Concat(shared, c.shared)
}

// wanted is the network that a label or the option names, if it can be used.
func (c *conversion) wanted(s *Service, d *Definition, attached, shared []Network) (Network, bool) {
	name, label := d.network, ""
	if name != "" {
		label = d.networkBy.Label()
	} else {
		name = c.options.Network
	}
	if name == "" {
		return Network{}, false
	}
	n, ok := named(attached, name, s.Name)
	switch {
	case ok && slices.Contains(shared, n):
		return n, true
	case ok && label != "":
		c.problem(s, label, fmt.Sprintf("the proxy is not attached to the network %s", n.Name), "attach the proxy's service to it")
	case label != "" && len(attached) == 0:
		c.problem(s, label, fmt.Sprintf("it is not attached to a network named %q", name), "attach it to that network")
	case label != "":
		c.problem(s, label, fmt.Sprintf("it is not attached to a network named %q", name), "write one that it is attached to: "+list(attached))
	}
	return Network{}, false
}

// cureUnreached names the network to add.
func (c *conversion) cureUnreached(s *Service) string {
	usable := c.shared
	if n, ok := named(usable, c.options.Network, s.Name); ok {
		usable = []Network{n}
	}
	switch {
	case len(usable) > 0:
		return "attach it to " + list(usable)
	case len(s.Networks) > 0:
		return "attach the proxy's service to " + list(byName(s.Networks))
	}
	return "attach it and the proxy's service to one overlay network"
}

// named finds a network by its whole name, or by the part behind the name of the service's stack
// if that fits one alone.
func named(networks []Network, name, service string) (Network, bool) {
	var found []Network
	for _, n := range networks {
		if n.Name == name {
			return n, true
		}
		if stack, ok := strings.CutSuffix(n.Name, "_"+name); ok && strings.HasPrefix(service, stack+"_") {
			found = append(found, n)
		}
	}
	if len(found) != 1 {
		return Network{}, false
	}
	return found[0], true
}

func byName(networks []Network) []Network {
	return slices.SortedFunc(slices.Values(networks), func(a, b Network) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
}

func list(networks []Network) string {
	names := make([]string, len(networks))
	for i, n := range networks {
		names[i] = n.Name
	}
	return strings.Join(names, " or ")
}

// prefixOf is the prefix that a service's operator writes.
func prefixOf(s *Service) string {
	prefix := traefikPrefix
	for label := range s.Labels {
		switch _, _, ours := cutPrefix(label); {
		case ours && strings.EqualFold(label[:len(traefikPrefix)], traefikPrefix):
			return traefikPrefix
		case ours:
			prefix = ownPrefix
		}
	}
	return prefix
}
