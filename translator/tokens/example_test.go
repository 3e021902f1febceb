package tokens_test

import (
	"fmt"

	"llmroute/translator/tokens"
)

func ExampleFor() {
	body := []byte(`{"model":"gpt-4o","messages":[{"role":"user","content":"How many tokens are these?"}]}`)
	for _, model := range []string{"gpt-4o", "claude-sonnet-4"} {
		c := tokens.For("OpenAI", model)
		fmt.Println(model, c.Exact(), c.Request(body), "of at most", c.Bound(len(body)))
	}
	// Output:
	// gpt-4o true 13 of at most 98
	// claude-sonnet-4 false 17 of at most 123
}
