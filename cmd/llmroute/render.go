package main

import (
	"fmt"
	"strings"

	"llmroute/internal/envoy"
)

type renderCommand struct {
	Listen     string `default:"${listen}" placeholder:"ADDRESS" env:"LLMROUTE_LISTEN" help:"Where Envoy takes requests (default: ${default})."`
	GRPC       string `name:"grpc" default:"${grpc}" placeholder:"ADDRESS" env:"LLMROUTE_GRPC" help:"Where the sidecar is: host:port or unix:PATH (default: ${default})."`
	EnvoyAdmin string `placeholder:"ADDRESS" env:"LLMROUTE_ENVOY_ADMIN" help:"Envoy's own admin port (default: none; func-e adds one)."`
	OwnCluster string `placeholder:"NAME" help:"No clusters from the sidecar: an example for people who define their own."`
}

func (c *renderCommand) Run(w *world) error {
	text, err := envoy.Render(envoy.Addresses{Listen: c.Listen, GRPC: c.GRPC, Admin: c.EnvoyAdmin, Own: c.OwnCluster})
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(w.stdout, text)
	return err
}

// envoyVersions names the Envoys that the tests cover, the pinned one first.
func envoyVersions() string {
	tested := envoy.Tested()
	return fmt.Sprintf("%s (tested too with %s)", envoy.Pinned, strings.Join(tested[1:], ", "))
}
