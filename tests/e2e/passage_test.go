package e2e

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A path that a backend has opened passes by any method, with and without a body,
// both bodies as they are; the client's credential stays behind, and the
// backend's goes on.
func TestFurtherPathsPass(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Llmroute-Backend", "forged")
		if strings.HasSuffix(r.URL.Path, "/packed") {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write([]byte("packed"))
			_ = z.Close()
			return
		}
		_, _ = fmt.Fprintf(w, `{"model":"none of ours","path":%q}`, r.URL.Path)
	})
	const open = "passthroughPaths: [/v1/files, /v1/batches, /v2/own]"
	g := start(t, backendDoc("files", b.URL+"/base/v1", open, "auth: {type: APIKey, key: sk-ours}", "bodyMutation: {set: [{path: a, value: 1}]}", "headerMutation: {set: [{name: x-team, value: t}]}")+
		backendDoc("deep", b.URL, "passthroughPaths: [/v1/files/deep]")+
		specDoc("azure", b.URL, `{schema: AzureOpenAI, version: "2024-10-21"}`, "passthroughPaths: [/v1/assistants]", "auth: {type: APIKey, key: ak}")+
		backendDoc("chat", b.URL)+routeDoc("r", catchAll("chat")))
	for _, tt := range []struct{ method, path, body, backend, arrives string }{
		{"GET", "/v1/files", "", "files", "/base/v1/files"},
		{"GET", "/v1/files?purpose=batch&x=%2F", "", "files", "/base/v1/files?purpose=batch&x=%2F"},
		{"GET", "/v1/files/file-1/content", "", "files", "/base/v1/files/file-1/content"},
		{"DELETE", "/v1/files/file-1", "", "files", "/base/v1/files/file-1"},
		{"POST", "/v1/files", strings.Repeat("any bytes \x00\xff", 100_000), "files", "/base/v1/files"},
		{"POST", "/v1/batches", `{"model":"x","model":"y"}`, "files", "/base/v1/batches"},
		{"PUT", "/v2/own/a%20b", "put", "files", "/v2/own/a%20b"},
		{"PATCH", "/v1/files/deep/x", "{}", "deep", "/v1/files/deep/x"},
		{"GET", "/v1/assistants?order=asc", "", "azure", "/openai/assistants?order=asc&api-version=2024-10-21"},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			a, err := g.try(t.Context(), tt.method, tt.path, tt.body, "authorization", "Bearer sk-client", "cookie", "c=1",
				"x-envoy-ai-gateway-selected-backend", "chat", "x-request-id", "pass "+tt.path)
			if err != nil {
				t.Fatal(err)
			}
			got := b.got()
			if a.Status != 200 || len(got) != 1 {
				t.Fatalf("%d, %d requests: %s", a.Status, len(got), a.Body)
			}
			if a.Header.Get("X-Llmroute-Backend") != tt.backend || a.Header.Get("X-Llmroute-Model") != "" || !strings.Contains(a.Body, `"none of ours"`) {
				t.Errorf("%v %s", a.Header, a.Body)
			}
			r := got[0]
			if r.Method != tt.method || r.Path != tt.arrives || r.Size != int64(len(tt.body)) || len(tt.body) < 1000 && r.Body != tt.body {
				t.Errorf("arrived: %s %s with %d bytes", r.Method, r.Path, r.Size)
			}
			want := map[string]string{"files": "Bearer sk-ours"}[tt.backend]
			if r.Header.Get("Authorization") != want || r.Header.Get("Cookie") != "" || r.Header.Get("X-Envoy-Ai-Gateway-Selected-Backend") != "" || r.Header.Get("X-Envoy-Ai-Gateway-Llm-Model") != "" {
				t.Errorf("arrived: %v", r.Header)
			}
			if tt.backend == "files" && r.Header.Get("X-Team") != "t" || tt.backend == "azure" && r.Header.Get("Api-Key") != "ak" {
				t.Errorf("arrived: %v", r.Header)
			}
			if line := g.logLine(t, "pass "+tt.path); line["backend"] != tt.backend || line["operation"] != "passthrough" || line["outcome"] != "complete" {
				t.Errorf("logged %v", line)
			}
		})
	}
	t.Run("packed", func(t *testing.T) {
		a, err := g.try(t.Context(), "GET", "/v1/files/packed", "", "accept-encoding", "gzip")
		if err != nil {
			t.Fatal(err)
		}
		if z, err := gzip.NewReader(strings.NewReader(a.Body)); err != nil || a.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%v %v", a.Header, err)
		} else if plain, err := io.ReadAll(z); err != nil || string(plain) != "packed" {
			t.Errorf("%q, %v", plain, err)
		}
		if got := b.got(); len(got) != 1 || got[0].Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("arrived: %+v", got)
		}
	})
	t.Run("too large", func(t *testing.T) {
		for _, chunked := range []bool{false, true} {
			if status, body := g.send(t, "/v1/files", strings.Repeat("x", 32<<20+1), chunked); status != 413 || !strings.Contains(body, "33554432") {
				t.Errorf("chunked %v: %d %s", chunked, status, body)
			}
		}
		b.got()
	})
}

// Whatever is written, what was not opened is not reached: not by dots, not by
// escapes, and not an operation without its model.
func TestFurtherPathsDoNotLeadElsewhere(t *testing.T) {
	t.Parallel()
	b := startBackend(t, answerSmall)
	g := start(t, backendDoc("files", b.URL, "passthroughPaths: [/v1/files, /v1/chat]")+backendDoc("other", b.URL)+routeDoc("r", modelRule("m", "other")))
	for _, path := range []string{
		"/v1/filesystem", "/v1/batches", "/v1", "/", "/v1/files/../chats", "/v1/files/../../admin", "/v1/files/%2e%2e/batches", "/v1/files/..%2fbatches",
		"/v1/files%2f..%2fbatches", "/v1/files/%252e%252e/batches", "/v1/files/..%5cbatches", "/v1/files/..;/batches", `/v1/files/..\batches`,
	} {
		if status := raw(t, g, "GET", path, ""); status != 404 && status != 400 {
			t.Errorf("GET %s: %d", path, status)
		}
	}
	for _, path := range []string{"/v1/chat/completions/", "/v1/chat/%63ompletions", "/v1/chat/COMPLETIONS", "/v1/chat/./completions/", "/v1/files/../chat/completions/"} {
		if status := raw(t, g, "POST", path, chat("secret-model", "hi")); status != 404 && status != 400 {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	if diff := cmp.Diff(b.got(), []seen(nil)); diff != "" {
		t.Errorf("the backend got %s", diff)
	}
	// Envoy leads a path to where it means before anybody else sees it.
	if status := raw(t, g, "GET", "/v1/batches/../files/x", ""); status != 200 {
		t.Errorf("a path that means an open one: %d", status)
	}
	if got := b.got(); len(got) != 1 || got[0].Path != "/v1/files/x" {
		t.Errorf("arrived: %+v", got)
	}
}

// raw sends a path as no client would write it, and returns the status.
func raw(t *testing.T, g *gateway, method, path, body string) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// A key of the gateway's that is refused is told as that, here too: the
// provider's words may show a part of it.
func TestFurtherPathsHideTheKey(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Www-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":{"message":"Incorrect API key provided: sk-ou*rs."}}`))
	})
	g := start(t, backendDoc("files", b.URL, "passthroughPaths: [/v1/files]", "auth: {type: APIKey, key: sk-ours}"))
	a, err := g.try(t.Context(), "GET", "/v1/files", "")
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != 502 || a.errorCode(t) != "provider_auth_error" || strings.Contains(a.Body, "sk-") || a.Header.Get("Www-Authenticate") != "" {
		t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
	}
}
