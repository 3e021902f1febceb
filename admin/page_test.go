package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/telemetry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func now() time.Time { return time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC) }

func sample() Status {
	return Status{
		Version: "v0.1.0",
		Envoy:   "1.40.0",
		Started: now().Add(-50 * time.Hour),
		Config: Config{
			Hash: "3f2a91c04b7d", Applied: now().Add(-25 * time.Minute), Sources: []string{"manifests/samples/quickstart.yaml"},
			Warnings: []string{"quickstart.yaml:40: LLMBackend spare: no route names it"},
			Failure:  "routes.yaml:12: spec.rules[0].matches[0].headers[0].type: RegularExpression is not supported\nroutes.yaml:30: <script>alert(1)</script>",
			FailedAt: now().Add(-40 * time.Second),
		},
		Routes: []Route{
			{Name: "default/llm-route", Hostnames: []string{"llm.example.com"}, Rules: []Rule{
				{Name: "0", Matches: "model = llama3-70b", Backends: "kserve 20, aws-bedrock 80"},
				{Name: "1", Backends: "kserve"},
			}},
		},
		Backends: []Backend{
			{ID: "kserve", Schema: "OpenAI", Address: "http://127.0.0.1:1065", Cluster: "kserve-1a2b3c4d"},
			{ID: "aws-bedrock", Schema: "AWSBedrock", Address: "https://bedrock-runtime.us-east-1.amazonaws.com", Cluster: "aws-bedrock-99aa88bb"},
			{ID: "spare", Schema: "OpenAI", Address: "cluster own-cluster", Note: "its key is not set: environment variable SPARE_KEY"},
		},
		Envoys: []Envoy{
			{Node: "llmroute", Version: "1.40.0", Clusters: 2},
			{Node: "old", Version: "1.37.0", Clusters: 1, Problem: "nobody has tried this version of Envoy"},
		},
	}
}

func totals() []telemetry.BackendTotal {
	return []telemetry.BackendTotal{
		{Backend: "", Requests: 7, Failed: 7},
		{Backend: "aws-bedrock", Requests: 8048, Failed: 3, InputTokens: 1234567, OutputTokens: 98765},
		{Backend: "gone", Requests: 5},
		{Backend: "kserve", Requests: 2012, InputTokens: 310000, OutputTokens: 24011},
	}
}

func TestPage(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"full", Options{Status: sample, Totals: totals, Now: now}},
		{"empty", Options{
			Status: func() Status { return Status{Version: "v0.1.0", Started: now()} },
			Ready:  func() error { return errors.New("no configuration has been applied") },
			Now:    now,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := get(t, New(c.o), "GET", "localhost", "/")
			if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
				t.Fatalf("GET /: %d, %s", w.Code, w.Header().Get("Content-Type"))
			}
			golden := "testdata/" + c.name + ".html"
			if *update {
				if err := os.WriteFile(golden, w.Body.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(w.Body.String(), string(want)); diff != "" {
				t.Errorf("page (-got +want):\n%s", diff)
			}
		})
	}
}

func TestPageObeysItsOwnPolicy(t *testing.T) {
	w := get(t, New(Options{Status: sample, Totals: totals, Now: now}), "GET", "localhost", "/")
	page := w.Body.String()
	for _, forbidden := range []string{"<script", "javascript:", " onclick", " style=", "http-equiv", "src="} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
	_, rest, _ := strings.Cut(page, "<style>")
	css, _, ok := strings.Cut(rest, "</style>")
	if !ok {
		t.Fatal("no style sheet")
	}
	sum := sha256.Sum256([]byte(css))
	if hash := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(w.Header().Get("Content-Security-Policy"), "'sha256-"+hash+"'") {
		t.Errorf("the policy does not admit the style sheet as it was sent: %s", w.Header().Get("Content-Security-Policy"))
	}
}

func TestViewLeavesTheStatusAlone(t *testing.T) {
	s := sample()
	s.Backends = s.Backends[:1:3] // room to append into
	h := New(Options{Status: func() Status { return s }, Totals: totals, Now: now})
	get(t, h, "GET", "localhost", "/")
	if diff := cmp.Diff(s.Backends[:3], sample().Backends); diff != "" {
		t.Errorf("backends changed by showing them (-got +want):\n%s", diff)
	}
}

func TestAge(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Second, "0 s ago"},
		{59*time.Second + 900*time.Millisecond, "59 s ago"},
		{time.Minute, "1 min ago"},
		{59 * time.Minute, "59 min ago"},
		{25*time.Hour + 59*time.Minute, "1 d 1 h ago"},
		{3*time.Hour + 5*time.Minute, "3 h 5 min ago"},
	} {
		if got := age(c.d); got != c.want {
			t.Errorf("age(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1_000", 1234567: "1_234_567", -123456: "-123_456"} {
		if got := strings.ReplaceAll(number(n), "\u202f", "_"); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}
