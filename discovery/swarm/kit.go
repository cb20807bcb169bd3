package swarm

import (
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	gogo "github.com/gogo/protobuf/types"
	"github.com/moby/swarmkit/v2/api"
)

// Swarmkit's objects as the engine's API would show them, as far as this package reads them.

func kitTask(t *api.Task) swarm.Task {
	out := swarm.Task{
		ID: t.ID, Meta: kitMeta(t.Meta), ServiceID: t.ServiceID, NodeID: t.NodeID, Slot: int(t.Slot),
		Spec:         kitTaskSpec(t.Spec),
		DesiredState: swarm.TaskState(strings.ToLower(t.DesiredState.String())),
		Status: swarm.TaskStatus{
			State:     swarm.TaskState(strings.ToLower(t.Status.State.String())),
			Timestamp: kitTime(t.Status.Timestamp), Message: t.Status.Message, Err: t.Status.Err,
		},
	}
	if c := t.Status.GetContainer(); c != nil {
		out.Status.ContainerStatus = &swarm.ContainerStatus{ContainerID: c.ContainerID}
	}
	if t.JobIteration != nil {
		out.JobIteration = &swarm.Version{Index: t.JobIteration.Index}
	}
	for _, a := range t.Networks {
		if a.Network == nil {
			continue
		}
		n := swarm.Network{ID: a.Network.ID}
		n.Spec.Name, n.Spec.Ingress = a.Network.Spec.Annotations.Name, a.Network.Spec.Ingress
		out.NetworksAttachments = append(out.NetworksAttachments, swarm.NetworkAttachment{Network: n, Addresses: a.Addresses})
	}
	return out
}

func kitService(s *api.Service) swarm.Service {
	out := swarm.Service{ID: s.ID, Meta: kitMeta(s.Meta), Spec: kitServiceSpec(&s.Spec)}
	if s.PreviousSpec != nil {
		previous := kitServiceSpec(s.PreviousSpec)
		out.PreviousSpec = &previous
	}
	return out
}

func kitServiceSpec(s *api.ServiceSpec) swarm.ServiceSpec {
	out := swarm.ServiceSpec{TaskTemplate: kitTaskSpec(s.Task)}
	out.Name, out.Labels = s.Annotations.Name, s.Annotations.Labels
	switch {
	case s.GetReplicated() != nil:
		replicas := s.GetReplicated().Replicas
		out.Mode.Replicated = &swarm.ReplicatedService{Replicas: &replicas}
	case s.GetGlobal() != nil:
		out.Mode.Global = &swarm.GlobalService{}
	}
	if len(out.TaskTemplate.Networks) == 0 {
		out.TaskTemplate.Networks = kitAttachments(s.Networks) // of very old stacks
	}
	if s.Endpoint != nil {
		out.EndpointSpec = &swarm.EndpointSpec{}
		for _, p := range s.Endpoint.Ports {
			out.EndpointSpec.Ports = append(out.EndpointSpec.Ports, swarm.PortConfig{
				Protocol: swarm.PortConfigProtocol(strings.ToLower(p.Protocol.String())), TargetPort: p.TargetPort,
			})
		}
	}
	return out
}

func kitTaskSpec(s api.TaskSpec) swarm.TaskSpec {
	out := swarm.TaskSpec{ForceUpdate: s.ForceUpdate, Networks: kitAttachments(s.Networks)}
	c := s.GetContainer()
	if c == nil {
		return out
	}
	spec := &swarm.ContainerSpec{
		Image: c.Image, Labels: c.Labels, Command: c.Command, Args: c.Args, Hostname: c.Hostname,
		Env: c.Env, Dir: c.Dir, User: c.User,
	}
	for _, m := range c.Mounts {
		spec.Mounts = append(spec.Mounts, mount.Mount{Source: m.Source, Target: m.Target})
	}
	for _, r := range c.Configs {
		spec.Configs = append(spec.Configs, &swarm.ConfigReference{ConfigID: r.ConfigID})
	}
	for _, r := range c.Secrets {
		spec.Secrets = append(spec.Secrets, &swarm.SecretReference{SecretID: r.SecretID})
	}
	if c.Healthcheck != nil {
		spec.Healthcheck = &container.HealthConfig{Test: c.Healthcheck.Test}
	}
	if c.StopGracePeriod != nil {
		if d, err := gogo.DurationFromProto(c.StopGracePeriod); err == nil {
			spec.StopGracePeriod = &d
		}
	}
	out.ContainerSpec = spec
	return out
}

func kitAttachments(all []*api.NetworkAttachmentConfig) []swarm.NetworkAttachmentConfig {
	var out []swarm.NetworkAttachmentConfig
	for _, a := range all {
		out = append(out, swarm.NetworkAttachmentConfig{Target: a.Target})
	}
	return out
}

func kitNode(n *api.Node) swarm.Node {
	out := swarm.Node{ID: n.ID, Meta: kitMeta(n.Meta)}
	out.Spec.Availability = swarm.NodeAvailability(strings.ToLower(n.Spec.Availability.String()))
	out.Status.State = swarm.NodeState(strings.ToLower(n.Status.State.String()))
	if n.Description != nil {
		out.Description.Hostname = n.Description.Hostname
	}
	return out
}

func kitNetwork(n *api.Network) network.Summary {
	return network.Summary{ID: n.ID, Name: n.Spec.Annotations.Name, Ingress: n.Spec.Ingress}
}

func kitMeta(m api.Meta) swarm.Meta {
	return swarm.Meta{Version: swarm.Version{Index: m.Version.Index}, CreatedAt: kitTime(m.CreatedAt), UpdatedAt: kitTime(m.UpdatedAt)}
}

// kitTime is the zero time where there is none.
func kitTime(t *gogo.Timestamp) time.Time {
	at, err := gogo.TimestampFromProto(t)
	if err != nil {
		return time.Time{}
	}
	return at
}
