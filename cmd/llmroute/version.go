package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

func (versionCommand) Run(w *world) error {
	_, err := fmt.Fprintf(w.stdout, "llmroute %s (%s %s/%s)\nenvoy %s\n",
		version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, envoyVersions())
	return err
}

// version is what the Go command knows of the build: a tag, or a commit and
// whether files were changed since.
func version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok || b.Main.Version == "" {
		return "(devel)"
	}
	return b.Main.Version
}
