// Command fetch makes sure that a tested Envoy lies in a folder, and prints where.
// The Makefile calls it; llmroute run does the same by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"llmroute/internal/envoy"
)

func main() {
	dir := flag.String("dir", ".envoy", "the folder; the binary becomes DIR/VERSION/envoy")
	version := flag.String("version", envoy.Pinned, "the version")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	// Whoever names an Envoy wants that one, whatever its version.
	s := envoy.Search{
		Path: os.Getenv("ENVOY_PATH"), From: "ENVOY_PATH",
		Dir: *dir, Version: *version, Fetch: true, Progress: os.Stderr,
	}
	b, err := s.Find(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
	if b.Warning != "" {
		fmt.Fprintln(os.Stderr, "warning:", b.Warning)
	}
	fmt.Println(b.Path)
}
