package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestLine(t *testing.T) {
	odd := &Record{
		RequestID: "a\"b\\c\nd\x00e\x7f", Route: "bad \xff\xc3 utf8", ModelRequested: "模型 🙂",
		Outcome: Failed, Duration: 1500 * time.Microsecond, Overhead: 30 * time.Microsecond, FirstToken: -2 * time.Millisecond,
	}
	for _, c := range []struct {
		name string
		r    *Record
		want string
	}{
		{"a stream", chat(), `{"time":"2026-03-01T12:00:02.100Z","level":"INFO","msg":"request","request_id":"7b1f0e6c-8f1c-4f6e-9d7e-0d3c5a2b1f00",` +
			`"operation":"chat","route":"llm-route","rule":"0","backend":"kserve","schema":"OpenAI",` +
			`"model_requested":"llama3","model_upstream":"llama3-70b-fp8","model_response":"llama3-70b-instruct",` +
			`"status":200,"outcome":"complete","stream":true,"finish_reason":"stop","attempts":1,` +
			`"input_tokens":12,"cached_tokens":4,"output_tokens":101,"total_tokens":113,` +
			`"duration_ms":2100,"overhead_ms":0.085,"ttft_ms":100,"output_events":101,"request_bytes":512,"response_bytes":20480}` + "\n"},
		{"refused", refused(), `{"level":"WARN","msg":"request","operation":"chat","model_requested":"nobody","status":404,"outcome":"refused","error_type":"model_not_found"}` + "\n"},
		{"odd bytes", odd, `{"level":"WARN","msg":"request","request_id":"a\"b\\c\nd\u0000e\u007f","route":"bad \ufffd\ufffd utf8","model_requested":"模型 🙂",` +
			`"outcome":"failed","duration_ms":1.5,"overhead_ms":0.03,"ttft_ms":-2}` + "\n"},
		{"nothing known", &Record{}, `{"level":"WARN","msg":"request"}` + "\n"},
		{"a model name as long as a body", &Record{Outcome: Aborted, ModelRequested: strings.Repeat("é", 5000) + "x"},
			`{"level":"INFO","msg":"request","model_requested":"` + strings.Repeat("é", 128) + `…","outcome":"aborted"}` + "\n"},
		{"a cut inside a character", &Record{Outcome: Aborted, ModelRequested: "x" + strings.Repeat("é", 200)},
			`{"level":"INFO","msg":"request","model_requested":"x` + strings.Repeat("é", 127) + `…","outcome":"aborted"}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			newRecorder(t, Options{Log: &out}).Record(c.r)
			if diff := cmp.Diff(out.String(), c.want); diff != "" {
				t.Errorf("line (-got +want):\n%s", diff)
			}
		})
	}
}

func TestLogLevel(t *testing.T) {
	failed := chat()
	failed.Status = 500
	for _, c := range []struct {
		name  string
		level slog.Leveler
		want  []string
	}{
		{"default", nil, []string{"INFO", "WARN", "WARN"}},
		{"info", slog.LevelInfo, []string{"INFO", "WARN", "WARN"}},
		{"warn", slog.LevelWarn, []string{"WARN", "WARN"}},
		{"error", slog.LevelError, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			r := newRecorder(t, Options{Log: &out, LogLevel: c.level})
			r.Record(chat())
			r.Record(refused())
			r.Record(failed)
			var got []string
			for line := range bytes.Lines(out.Bytes()) {
				var m struct{ Level string }
				if err := json.Unmarshal(line, &m); err != nil {
					t.Fatal(err)
				}
				got = append(got, m.Level)
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("levels (-got +want):\n%s", diff)
			}
		})
	}
}

// The level is asked at each line, so that a slog.LevelVar turns lines off and
// on while the process runs.
func TestLogLevelMayChange(t *testing.T) {
	var out bytes.Buffer
	var level slog.LevelVar
	r := newRecorder(t, Options{Log: &out, LogLevel: &level})
	level.Set(slog.LevelError)
	r.Record(refused())
	if out.Len() != 0 {
		t.Errorf("a line above its level: %s", out.String())
	}
	level.Set(slog.LevelWarn)
	r.Record(refused())
	if out.Len() == 0 {
		t.Error("no line after the level was lowered")
	}
}

// FuzzLine feeds any bytes through every text and checks that the line is one
// line of JSON that says what encoding/json would have said.
func FuzzLine(f *testing.F) {
	f.Add("id", "model", "error", int64(5), int64(1500))
	f.Add("\"\\\n\r\t\x00\x1f\x7f", "\xff\xfe\xc3(", "\u2028</script>", int64(-1), int64(-1))
	f.Add(strings.Repeat("é", 200), "\xed\xa0\x80", "🙂", int64(1)<<62, int64(999))
	f.Fuzz(func(t *testing.T, id, model, errorType string, tokens, micros int64) {
		r := &Record{
			RequestID: id, Operation: model, Route: errorType, Rule: id, Backend: model, Schema: errorType,
			ModelRequested: id, ModelUpstream: model, ModelResponse: errorType, FinishReason: id,
			Outcome: Outcome(model), ErrorType: errorType,
			InputTokens: tokens, OutputTokens: tokens, Duration: time.Duration(micros) * time.Microsecond,
		}
		line := appendLine(nil, r, slog.LevelInfo)
		if bytes.Count(line, []byte{'\n'}) != 1 || line[len(line)-1] != '\n' {
			t.Fatalf("not one line: %q", line)
		}
		if !utf8.Valid(line) {
			t.Fatalf("not UTF-8: %q", line)
		}
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		for key, value := range map[string]string{"request_id": id, "model_upstream": model, "error_type": errorType} {
			if value == "" {
				if _, there := got[key]; there {
					t.Errorf("%s is empty and there", key)
				}
				continue
			}
			if len(value) > maxText {
				continue
			}
			encoded, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			var want string
			if err := json.Unmarshal(encoded, &want); err != nil {
				t.Fatal(err)
			}
			if got[key] != want {
				t.Errorf("%s = %q, want %q", key, got[key], want)
			}
		}
	})
}

// BenchmarkLine compares with what slog's handler takes for the same line.
func BenchmarkLine(b *testing.B) {
	r := chat()
	b.Run("own", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			buf = appendLine(buf[:0], r, slog.LevelInfo)
		}
	})
	b.Run("slog", func(b *testing.B) {
		log := slog.New(slog.NewJSONHandler(discard{}, nil))
		b.ReportAllocs()
		for b.Loop() {
			log.LogAttrs(b.Context(), slog.LevelInfo, "request",
				slog.String("request_id", r.RequestID), slog.String("operation", r.Operation),
				slog.String("route", r.Route), slog.String("rule", r.Rule), slog.String("backend", r.Backend),
				slog.String("schema", r.Schema), slog.String("model_requested", r.ModelRequested),
				slog.String("model_upstream", r.ModelUpstream), slog.String("model_response", r.ModelResponse),
				slog.Int("status", r.Status), slog.String("outcome", string(r.Outcome)), slog.Bool("stream", r.Stream),
				slog.String("finish_reason", r.FinishReason), slog.Int("attempts", r.Attempts),
				slog.Int64("input_tokens", r.InputTokens), slog.Int64("cached_tokens", r.CachedTokens),
				slog.Int64("output_tokens", r.OutputTokens), slog.Int64("total_tokens", r.TotalTokens),
				slog.Float64("duration_ms", r.Duration.Seconds()*1e3), slog.Float64("overhead_ms", r.Overhead.Seconds()*1e3),
				slog.Float64("ttft_ms", r.FirstToken.Seconds()*1e3), slog.Int("output_events", r.OutputEvents),
				slog.Int("request_bytes", r.RequestBytes), slog.Int("response_bytes", r.ResponseBytes))
		}
	})
}
