package telemetry_test

import (
	"context"
	"log/slog"
	"os"
	"time"

	"llmroute/telemetry"
)

// A sidecar has one Writer for all it logs, and one Recorder.
func ExampleNew() {
	ctx := context.Background()
	out := telemetry.NewWriter(os.Stdout)
	level := new(slog.LevelVar) // may change while the process runs
	recorder, err := telemetry.New(telemetry.Options{Log: out, LogLevel: level})
	if err != nil {
		panic(err)
	}

	recorder.Begin()
	recorder.Record(&telemetry.Record{
		Operation: "chat", Backend: "kserve", Schema: "OpenAI", ModelLabel: "llama3-70b",
		ModelRequested: "llama3-70b", Outcome: telemetry.Complete, Status: 200,
		InputTokens: 12, OutputTokens: 34, Duration: 1250 * time.Millisecond,
	})
	recorder.End()

	if err := recorder.Close(ctx); err != nil {
		panic(err)
	}
	if err := out.Close(ctx); err != nil {
		panic(err)
	}
	// Output:
	// {"level":"INFO","msg":"request","operation":"chat","backend":"kserve","schema":"OpenAI","model_requested":"llama3-70b","status":200,"outcome":"complete","input_tokens":12,"output_tokens":34,"duration_ms":1250}
}
