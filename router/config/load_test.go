package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what Load says into the want part of each case")

// TestLoad runs every case of testdata: files in, problems or a dump of the
// Config out, in the part "want". The part "options", if there is one, holds
// lines of "path NAME", "env NAME=VALUE", "default BACKEND" and "required";
// without a path, each file outside the folder backends is one.
func TestLoad(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("cases: %d, %v", len(cases), err)
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range cases {
		file = filepath.Join(root, file)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			if err := os.Symlink(".", "circle"); err != nil {
				t.Fatal(err)
			}
			got := dump(Load(unpack(t, ar)))
			i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 {
				ar.Files = append(ar.Files, txtar.File{Name: "want"})
				i = len(ar.Files) - 1
			}
			if *update {
				ar.Files[i].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(ar.Files[i].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// unpack writes the case's files into the working directory and returns what
// its options say.
func unpack(t *testing.T, ar *txtar.Archive) Options {
	t.Helper()
	o := Options{BackendsDir: "backends"}
	var pairs []string
	var files []string
	for _, f := range ar.Files {
		switch f.Name {
		case "want":
		case "options":
			for line := range strings.Lines(string(f.Data)) {
				verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
				switch verb {
				case "path":
					o.Paths = append(o.Paths, rest)
				case "env":
					name, value, _ := strings.Cut(rest, "=")
					pairs = append(pairs, name, value)
				case "default":
					o.DefaultBackend = rest
				case "alias":
					o.Aliases = append(o.Aliases, rest)
				case "window":
					o.ForceContextWindow, _ = strconv.ParseInt(rest, 10, 64)
				case "required":
					o.BackendsRequired = true
				default:
					t.Fatalf("option %q is not known", verb)
				}
			}
		default:
			if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
			if isManifest(f.Name) && !strings.HasPrefix(f.Name, "backends/") {
				files = append(files, f.Name)
			}
		}
	}
	if o.Paths == nil {
		o.Paths = files
	}
	o.LookupEnv = env(pairs...)
	return o
}

// dump writes a Config for people to compare, or why there is none.
func dump(c *Config, err error) string {
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	if c.DefaultBackend != "" {
		fmt.Fprintf(&b, "default %s\n", c.DefaultBackend)
	}
	for _, be := range c.Backends {
		dumpBackend(&b, be)
	}
	for _, a := range c.Aliases {
		fmt.Fprintf(&b, "alias %s to %s\n", a.pattern, a.replacement)
	}
	for _, r := range c.Routes {
		fmt.Fprintf(&b, "route %s/%s of %s (%s) %q", r.Namespace, r.Name, r.LLMRoute, r.Source, r.Hostnames)
		if !r.Created.IsZero() {
			fmt.Fprintf(&b, " created %s", r.Created.UTC().Format("2006-01-02"))
		}
		b.WriteByte('\n')
		for _, rule := range r.Rules {
			fmt.Fprintf(&b, "  rule %q\n", rule.Name)
			for _, m := range rule.Matches {
				fmt.Fprintf(&b, "    match %+v\n", m)
			}
			for _, ref := range rule.Backends {
				fmt.Fprintf(&b, "    %+v\n", ref)
			}
		}
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "warning %s\n", w)
	}
	return b.String()
}

func dumpBackend(b *strings.Builder, be *Backend) {
	fmt.Fprintf(b, "backend %s (%s)\n  {Schema:%s Version:%s Prefix:%s}", be.ID, be.Source, be.Schema.Schema, be.Schema.Version, be.Schema.Prefix)
	if be.Endpoint != nil {
		fmt.Fprintf(b, " %s:%d http2=%t", be.Endpoint.Host, be.Endpoint.Port, be.Endpoint.HTTP2)
		if be.Endpoint.TLS != nil {
			fmt.Fprintf(b, " TLS%+v", *be.Endpoint.TLS)
		}
	}
	if be.Cluster != "" {
		fmt.Fprintf(b, " cluster %s", be.Cluster)
	}
	fmt.Fprintf(b, "\n  %s", be.Auth.Type)
	if be.Auth.Scope != "" {
		fmt.Fprintf(b, " %s", be.Auth.Scope)
	}
	if a := be.Auth; a.Region != "" {
		fmt.Fprintf(b, " %s in %s profile %q role %q shared %v key %q session %q", a.Service, a.Region, a.Profile, a.Role, a.Shared != "", a.KeyID, a.Session.Reveal())
	}
	if a := be.Auth; a.Tenant+a.Client+a.TokenFile != "" {
		fmt.Fprintf(b, " tenant %q client %q token file %q", a.Tenant, a.Client, a.TokenFile)
	}
	if be.Auth.From != "" {
		fmt.Fprintf(b, " %s: %q+%q from %s", be.Auth.Header, be.Auth.Prefix, be.Auth.Key.Reveal(), be.Auth.From)
	}
	if len(be.Paths) > 0 {
		fmt.Fprintf(b, "\n  paths %q", be.Paths)
	}
	fmt.Fprintf(b, "\n  timeout %v idle %v retries %d after %v\n", be.Timeout, be.IdleTimeout, be.MaxRetries, be.RetryDelay)
	for _, part := range []struct {
		name  string
		value any
		zero  bool
	}{
		{"override", be.ModelNameOverride, be.ModelNameOverride == ""},
		{"addressable", be.Addressable, !be.Addressable},
		{"models", be.Models, len(be.Models) == 0},
		{"default model", be.DefaultModel, be.DefaultModel == ""},
		{"strict models", be.StrictModels, !be.StrictModels},
		{"unsupported parameters", be.Schema.UnsupportedParameters, be.Schema.UnsupportedParameters == ""},
		{"max tokens field", be.Schema.MaxTokensField, be.Schema.MaxTokensField == ""},
		{"reasoning field", be.Schema.ReasoningField, be.Schema.ReasoningField == ""},
		{"strip extras", be.Schema.StripExtras, !be.Schema.StripExtras},
		{"late system", be.Schema.LateSystem, be.Schema.LateSystem == ""},
		{"reasoning text", be.Schema.ReasoningText, be.Schema.ReasoningText == ""},
		{"default max tokens", be.Schema.DefaultMaxTokens, be.Schema.DefaultMaxTokens == 0},
		{"model family", be.Schema.ModelFamily, be.Schema.ModelFamily == ""},
		{"project", be.Schema.Project, be.Schema.Project == ""},
		{"location", be.Schema.Location, be.Schema.Location == ""},
		{"set", be.Headers.Set, len(be.Headers.Set) == 0},
		{"remove", be.Headers.Remove, len(be.Headers.Remove) == 0},
		{"remove body", be.Body.Remove, len(be.Body.Remove) == 0},
	} {
		if !part.zero {
			fmt.Fprintf(b, "  %s %v\n", part.name, part.value)
		}
	}
	for _, name := range be.Models {
		dumpModel(b, be.Settings[name])
	}
	dumpModel(b, be.Otherwise)
	for _, f := range be.Body.Set {
		fmt.Fprintf(b, "  set body %s = %s\n", f.Path, f.Value)
	}
}

// dumpModel writes what is said of a model, if anything is.
func dumpModel(b *strings.Builder, m *Model) {
	if m == nil || m.Limits == (Limits{}) && m.Parameters == nil && m.Fallback == "" {
		return
	}
	fmt.Fprintf(b, "  model %q %+v", m.Name, m.Limits)
	for _, p := range m.Parameters {
		fmt.Fprintf(b, " %s=%s", p.Name, p.Value)
	}
	if m.Fallback != "" {
		fmt.Fprintf(b, " falls back to %s", m.Fallback)
	}
	b.WriteByte('\n')
}

// TestSharedFile has two custom backends of one file, as limits of their own for
// the same provider would have it.
func TestSharedFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("backends/a", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "backends/a/backend.yaml", "backend_type: custom\napi_base_url: https://h/v1\napi_key_env_var: K\n")
	if err := os.Symlink("a", "backends/b"); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{BackendsDir: "backends", LookupEnv: env("K", "k")})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Backends) != 2 || c.Backends[0].ID != "a" || c.Backends[1].ID != "b" {
		t.Errorf("got %v", c.Backends)
	}
}
