package xds_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"llmroute/router/config"
	"llmroute/router/xds"
)

func ExampleNew() {
	clusters := xds.New(xds.Options{CAFile: "/etc/ssl/certs/ca-certificates.crt"})
	clusters.Register(grpc.NewServer())

	openai := &config.Backend{ID: "openai", Endpoint: &config.Endpoint{Host: "api.openai.com", Port: 443, TLS: &config.TLS{}}}
	backends := []*config.Backend{openai}
	if err := clusters.Add(context.Background(), backends); err != nil {
		fmt.Println(err) // the configuration before stays in force
		return
	}
	// Here requests are switched over to the new names; then the rest may go.
	clusters.Keep(backends)
	fmt.Println(len(clusters.Status().Clusters), "cluster")
	clusters.EndStreams()
	// Output: 1 cluster
}
