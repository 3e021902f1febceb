package main

import (
	"fmt"
	"strings"

	"llmroute/admin"
	"llmroute/internal/envoy"
	"llmroute/router/config"
	"llmroute/router/xds"
)

// status is what the status page shows.
func (s *sidecar) status() admin.Status {
	c, now := s.config.Load(), s.router.Status()
	out := admin.Status{
		Version: version(), Envoy: envoyVersions(), Started: s.started,
		Config: admin.Config{
			Hash: now.Hash, Applied: now.Since, Sources: []string{s.found.from}, FailedAt: now.FailedAt,
		},
	}
	if now.Failure != nil {
		out.Config.Failure = now.Failure.Error()
	}
	for _, p := range c.Warnings {
		out.Config.Warnings = append(out.Config.Warnings, p.String())
	}
	for _, r := range c.Routes {
		out.Routes = append(out.Routes, statusOfRoute(r))
	}
	for _, b := range c.Backends {
		out.Backends = append(out.Backends, statusOfBackend(b))
	}
	clusters := s.clusters.Status()
	for _, e := range clusters.Envoys {
		out.Envoys = append(out.Envoys, admin.Envoy{
			Node: e.Node, Version: e.Version, Clusters: e.Accepted, Problem: envoyProblem(e, clusters.Refusal),
		})
	}
	return out
}

func envoyProblem(e xds.Envoy, last *xds.Refusal) string {
	switch {
	case e.Refused > 0 && last != nil && last.Node == e.Node:
		return last.Error()
	case e.Version == "":
		return ""
	default:
		return envoy.Warning(e.Version)
	}
}

func statusOfBackend(b *config.Backend) admin.Backend {
	out := admin.Backend{
		ID: b.ID, Schema: string(b.Schema.Schema), Address: addressOf(b), Cluster: xds.ClusterName(b),
	}
	if b.Auth.Type == config.AuthAPIKey && b.Auth.Key == "" {
		out.Note = "its key is not set: " + b.Auth.From
	}
	return out
}

// addressOf is where a backend is, as a person would write it.
func addressOf(b *config.Backend) string {
	if b.Endpoint == nil {
		return "cluster " + b.Cluster
	}
	scheme, port := "http", uint32(80)
	if b.Endpoint.TLS != nil {
		scheme, port = "https", 443
	}
	host := b.Endpoint.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if b.Endpoint.Port != port {
		host = fmt.Sprintf("%s:%d", host, b.Endpoint.Port)
	}
	return scheme + "://" + host
}

func statusOfRoute(r *config.Route) admin.Route {
	out := admin.Route{Name: r.LLMRoute, Hostnames: r.Hostnames}
	for i := range r.Rules {
		rule := &r.Rules[i]
		var matches, backends []string
		for _, m := range rule.Matches {
			if words := matchWords(&m); words != "" {
				matches = append(matches, words)
			}
		}
		for _, b := range rule.Backends {
			word := fmt.Sprintf("%s %d", b.Backend, b.Weight)
			if b.Missing {
				word += " (missing)"
			}
			backends = append(backends, word)
		}
		out.Rules = append(out.Rules, admin.Rule{
			Name: rule.Name, Matches: strings.Join(matches, " or "), Backends: strings.Join(backends, ", "),
		})
	}
	return out
}

// matchWords is a match in words, "" when it asks for nothing.
func matchWords(m *config.Match) string {
	var words []string
	switch {
	case m.Path.Exact:
		words = append(words, "path = "+m.Path.Value)
	case m.Path.Value != "" && m.Path.Value != "/":
		words = append(words, "path below "+m.Path.Value)
	}
	if m.Method != "" {
		words = append(words, "method = "+m.Method)
	}
	for _, h := range m.Headers {
		name := h.Name
		if name == "x-envoy-ai-gateway-llm-model" {
			name = "model"
		}
		words = append(words, name+" = "+h.Value)
	}
	for _, q := range m.Query {
		words = append(words, "?"+q.Name+" = "+q.Value)
	}
	return strings.Join(words, " and ")
}
