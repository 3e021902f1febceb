package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"llmroute/manifests"
	"llmroute/router/config"
)

// configuration is what was found, and where.
type configuration struct {
	config  *config.Config
	options config.Options // what to watch, when files is set
	from    string         // fit for a message
	files   bool           // it came from files, which may change
}

// load reads what the flags name. With nothing named and nothing in the default
// place it takes the providers whose keys the environment holds, and without
// keys the quick start on the embedded provider, which fake is asked to start:
// it returns its address.
func (f *sourceFlags) load(w *world, fake func() (string, error)) (*configuration, error) {
	options := config.Options{
		Paths:            f.Config,
		BackendsDir:      cmp.Or(f.Backends, defaultBackends),
		BackendsRequired: f.Backends != "",
		DefaultBackend:   f.DefaultBackend,
		Aliases:          f.ModelAlias,

		ForceContextWindow: f.ForceWindow,
		LookupEnv:          w.lookupEnv,
	}
	named := len(f.Config) > 0 || f.Backends != ""
	if _, err := os.Stat(options.BackendsDir); err == nil {
		named = true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("custom backends: %w", err)
	}
	if named {
		c, err := config.Load(options)
		return &configuration{config: c, options: options, files: true, from: f.String()}, err
	}
	c, err := config.FromEnvironment(options)
	if err != nil || c != nil {
		return &configuration{config: c, from: "keys in the environment"}, err
	}
	address, err := fake()
	if err != nil {
		return nil, err
	}
	options.Sources = []config.Source{{
		Name: "quickstart.yaml (built in)",
		Data: bytes.ReplaceAll(manifests.Quickstart, []byte(defaultFake), []byte(address)),
	}}
	c, err = config.Load(options)
	return &configuration{config: c, from: "the built-in quick start"}, err
}

// names reports whether a backend's endpoint is address, a host and a port in
// plain text. Where that is the embedded provider's, as in the samples, it is
// wanted.
func (c *configuration) names(address string) bool {
	return slices.ContainsFunc(c.config.Backends, func(b *config.Backend) bool {
		e := b.Endpoint
		return e != nil && e.TLS == nil && net.JoinHostPort(e.Host, strconv.FormatUint(uint64(e.Port), 10)) == address
	})
}

// usualFake is for commands that start nothing.
func usualFake() (string, error) { return defaultFake, nil }

// String names the files, for messages.
func (f *sourceFlags) String() string {
	return strings.Join(append(slices.Clip(f.Config), cmp.Or(f.Backends, defaultBackends)), ", ")
}

// warn writes what works but is probably not meant.
func warn(out io.Writer, c *config.Config) {
	for _, p := range c.Warnings {
		fmt.Fprintf(out, "warning: %s\n", p)
	}
}

// count is "1 route" or "2 routes".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

type checkCommand struct{ sourceFlags }

func (c *checkCommand) Run(w *world) error {
	found, err := c.load(w, usualFake)
	if err != nil {
		var problems config.Problems
		if !errors.As(err, &problems) {
			return err
		}
		for _, p := range problems {
			fmt.Fprintln(w.stderr, p)
		}
		fmt.Fprintf(w.stderr, "llmroute: %s\n", count(len(problems), "problem"))
		return errSilent("configuration refused")
	}
	warn(w.stderr, found.config)
	_, err = fmt.Fprintf(w.stdout, "ok: %s, %s, %s (%s)\n", count(len(found.config.Routes), "route"),
		count(len(found.config.Backends), "backend"), count(len(found.config.Warnings), "warning"), found.from)
	return err
}
