// Package envoy gets a stock Envoy onto this machine, writes the bootstrap that
// joins it to the sidecar, and runs it.
//
// It knows nothing of routes, models or providers: the bootstrap is the same
// whatever is configured, since everything that changes comes over ADS. Nothing
// here listens, and nothing is fetched unless a Search is told that it may.
package envoy

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Pinned is the Envoy that llmroute is built for and that is fetched when none
// is there.
const Pinned = "1.40.0"

// Tested returns the versions that the end-to-end tests run on, newest first.
// Any other is used with a warning.
func Tested() []string { return []string{Pinned, "1.39.3", "1.38.3"} }

// An Envoy prints "envoy  version: SHA/1.40.0/Clean/RELEASE/BoringSSL".
var versionLine = regexp.MustCompile(`version: [0-9a-f]*/(\d+\.\d+\.\d+)(?:-dev)?/`)

// Version asks the binary at path which Envoy it is: "1.40.0".
func Version(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput() // #nosec G204 -- running the person's Envoy is the point
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s does not seem to be an Envoy: --version printed %q", path, firstLine(string(out)))
	}
	return string(m[1]), nil
}

// Warning returns what is to be said of running version, or "" when the tests
// cover it.
func Warning(version string) string {
	if slices.Contains(Tested(), version) {
		return ""
	}
	return fmt.Sprintf("envoy %s is not one of the versions llmroute is tested with (%s)", version, strings.Join(Tested(), ", "))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
