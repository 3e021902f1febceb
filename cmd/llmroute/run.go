package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"llmroute/internal/envoy"
)

type runCommand struct {
	sidecarFlags
	Listen string `default:"${listen}" placeholder:"ADDRESS" env:"LLMROUTE_LISTEN" help:"Where Envoy takes requests (default: ${default})."`
	Envoy  string `placeholder:"PATH" env:"LLMROUTE_ENVOY,ENVOY_PATH" help:"The Envoy to run (default: envoy on PATH, else one that is fetched)."`
}

// startTimeout is how long Envoy and the first probe may take: the binary has
// 100 MB, and the machine may be busy.
const startTimeout = time.Minute

func (c *runCommand) Run(w *world) error {
	dir, err := envoyDir()
	if err != nil {
		return err
	}
	from := "--envoy"
	if path, ok := w.lookupEnv("ENVOY_PATH"); ok && path == c.Envoy {
		from = "ENVOY_PATH"
	}
	binary, err := envoy.Search{
		Path: c.Envoy, From: from, LookPATH: true, Dir: dir, Fetch: true, Progress: w.stderr,
	}.Find(w.ctx)
	if err != nil {
		return err
	}
	if binary.Warning != "" {
		fmt.Fprintf(w.stderr, "warning: %s\n", binary.Warning)
	}
	s, err := c.start(w)
	if err != nil {
		return err
	}
	return errors.Join(c.runEnvoy(w, s, binary, dir), s.stop())
}

// runEnvoy runs Envoy beside s until the person, Envoy or s makes an end, and
// then lets it drain: Envoy goes first, since its requests need the sidecar.
func (c *runCommand) runEnvoy(w *world, s *sidecar, binary envoy.Binary, dir string) error {
	// Envoy would say it in its log; this says it in a sentence.
	l, err := listen("Envoy's listener (--listen)", c.Listen)
	if err != nil {
		return err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	bootstrap, err := envoy.Render(envoy.Addresses{Listen: address, GRPC: grpcAddress(s.grpc)})
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "starting Envoy %s from %s\n", binary.Version, binary.Source)
	p, err := envoy.Start(context.Background(), envoy.Options{
		Binary: binary, Bootstrap: bootstrap, Home: filepath.Join(dir, "func-e"), Stderr: w.stderr,
	})
	if err != nil {
		return err
	}
	defer p.Kill()
	ready, cancel := context.WithTimeout(w.ctx, startTimeout)
	defer cancel()
	if err := p.Ready(ready); err != nil {
		return interrupted(w, err)
	}
	url := "http://" + address
	model, err := probe(ready, url)
	if err != nil {
		return interrupted(w, err)
	}
	c.welcome(w, s, url, model)
	select {
	case <-w.ctx.Done():
		fmt.Fprintln(w.stdout, "stopping; requests may finish; again to stop at once")
	case <-s.ctx.Done(): // a part has failed; stop says which
	case <-p.Done():
		return errors.Join(errors.New("envoy has ended; its log is above"), p.Err())
	}
	s.drain()
	drain, cancelDrain := context.WithTimeout(context.Background(), c.Drain)
	defer cancelDrain()
	p.Stop(drain)
	return p.Err()
}

// interrupted keeps an end that the person asked for from being an error.
func interrupted(w *world, err error) error {
	if w.ctx.Err() != nil {
		return nil
	}
	return err
}

// probe asks through Envoy for the models until that works, and returns one of
// them, or "" when the configuration names none.
func probe(ctx context.Context, url string) (string, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		model, err := firstModel(ctx, url)
		if err == nil {
			return model, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no answer through Envoy: %w", err)
		case <-tick.C:
		}
	}
}

func firstModel(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/models", http.NoBody)
	if err != nil {
		return "", err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET /v1/models: %s", resp.Status)
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return "", fmt.Errorf("GET /v1/models: %w", err)
	}
	if len(list.Data) == 0 {
		return "", nil
	}
	return list.Data[0].ID, nil
}

// welcome prints lines that work when they are pasted.
func (c *runCommand) welcome(w *world, s *sidecar, url, model string) {
	fmt.Fprintf(w.stdout, "ready: %s, with %s; status at http://%s/\n", url, s.found.from, s.admin.Addr())
	body := func(extra string) string {
		name, _ := json.Marshal(cmp.Or(model, "gpt-4o-mini")) // strings always encode
		return fmt.Sprintf(`{"model":%s,%s"messages":[{"role":"user","content":"Say hello."}]}`, name, extra)
	}
	const line = "  curl -s%s %s/v1/chat/completions -H 'content-type: application/json' -d %s\n"
	fmt.Fprintln(w.stdout, "\ntry")
	fmt.Fprintf(w.stdout, line, "", url, shellQuote(body("")))
	fmt.Fprintf(w.stdout, line, "N", url, shellQuote(body(`"stream":true,`)))
	fmt.Fprintln(w.stdout)
}

// envoyDir is where fetched Envoys are kept: .envoy where "make envoy" has made
// it, else the user's cache.
func envoyDir() (string, error) {
	if f, err := os.Stat(".envoy"); err == nil && f.IsDir() {
		return ".envoy", nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("folder for Envoy: %w", err)
	}
	return filepath.Join(cache, "llmroute", "envoy"), nil
}
