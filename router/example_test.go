package router_test

import (
	"context"
	"fmt"
	"time"

	"llmroute/router"
	"llmroute/router/config"
	"llmroute/translator"
)

// static is an Envoy whose clusters somebody else defines.
type static struct{}

func (static) Add(context.Context, []*config.Backend) error { return nil }
func (static) Keep([]*config.Backend)                       {}

func kserve() *config.Config {
	return &config.Config{
		Backends: []*config.Backend{{
			ID: "kserve", Cluster: "kserve", Schema: translator.Backend{Schema: translator.OpenAI},
			ModelNameOverride: "llama-3-70b-instruct", Timeout: time.Minute, IdleTimeout: time.Minute,
		}},
		Routes: []*config.Route{{
			Namespace: "default", Name: "llm", LLMRoute: "llm",
			Rules: []config.Rule{{
				Matches:  []config.Match{{Headers: []config.Field{{Name: "x-envoy-ai-gateway-llm-model", Value: "llama3-70b"}}}},
				Backends: []config.BackendRef{{Backend: "kserve", Weight: 1}},
			}},
		}},
	}
}

func ExampleNew() {
	r := router.New(static{}, nil)
	if err := r.Apply(context.Background(), kserve()); err != nil {
		fmt.Println(err)
		return
	}
	var p router.Plan
	for _, model := range []string{"llama3-70b", "llama4"} {
		err := r.Snapshot().Plan(&p, &router.Ask{Method: "POST", Path: "/v1/chat/completions", Model: model}, nil)
		fmt.Println(p.Route, p.Backend, p.Model, err)
	}
	// Output:
	// llm kserve llama-3-70b-instruct <nil>
	//  <nil>  The model 'llama4' does not exist. GET /v1/models lists those that do.
}

func ExampleCompile() {
	s := router.Compile(kserve())
	for _, m := range s.Models(&router.Ask{}) {
		fmt.Println(m.ID, "by", m.OwnedBy)
	}
	// Output:
	// llama3-70b by kserve
}
