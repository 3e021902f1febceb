package limit_test

import (
	"context"
	"fmt"

	"llmroute/router/limit"
)

func ExampleNewMemory() {
	ctx := context.Background()
	store := limit.NewMemory(nil)
	key := limit.Key{Backend: "internal-llm", Model: "fast-model"}
	limits := limit.Limits{Requests: 2, Tokens: 1000}

	// 200 tokens of prompt, and up to 500 of answer.
	verdict, _ := store.Reserve(ctx, key, limits, 700)
	fmt.Println(verdict.Allowed, verdict.Tokens.Remaining)

	// The next one does not fit while the first is under way.
	second, _ := store.Reserve(ctx, key, limits, 700)
	fmt.Println(second.Allowed, second.Unit, second.Limit().Remaining)

	// It was a short answer.
	verdict.Ticket.Settle(250)
	second, _ = store.Reserve(ctx, key, limits, 700)
	fmt.Println(second.Allowed, second.Tokens.Remaining)
	// Output:
	// true 300
	// false tokens 300
	// true 50
}

func ExampleNewRedis() {
	_, err := limit.NewRedis(limit.RedisOptions{URL: "redis://:not/escaped@localhost"})
	fmt.Println(err)
	// Output:
	// limits URL: want redis://user:password@host:6379/0, rediss:// with TLS or unix:///path; in a password write / as %2F, @ as %40, : as %3A
}
