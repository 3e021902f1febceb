package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"llmroute/internal/envoy/envoytest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"llmroute": main})
}

// TestScripts runs the command as a person would, one script per file. They find
// $ENVOY_PATH and $SAMPLES, and free ports in $A to $F.
func TestScripts(t *testing.T) {
	path := envoytest.Path(t)
	samples := filepath.Join(envoytest.Root(t), "manifests", "samples")
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ENVOY_PATH", path)
			e.Setenv("SAMPLES", samples)
			e.Setenv("HOME", e.WorkDir)
			// Held until the script begins, so that they differ from each other.
			for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
				l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				defer l.Close()
				e.Setenv(name, l.Addr().String())
			}
			return nil
		},
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"fetch": fetch, "occupy": occupy},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}
