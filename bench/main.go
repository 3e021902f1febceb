// Command bench measures what the gateway costs on the whole way of a request:
// bare Envoy, Envoy with a processor that does nothing (bench/noop), and Envoy
// with llmroute, all in front of one upstream on this machine.
//
// Times on a machine that others use are noise, so the contestants take turns in
// short rounds, what is compared is CPU per request within a round, and every
// number is a median shown with its spread. Nobody waits for a quiet hour.
// Linux only: CPU and memory are read from /proc.
//
// The processor without Envoy is measured by Go's benchmarks, in bench/noop.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"llmroute/bench/workload"
	"llmroute/internal/envoy"
)

// settings are the flags.
type settings struct {
	rounds int
	time   time.Duration
	conns  int
	cases  string
	json   string
	ours   string
	before string
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 5, "how often each contestant gets its turn in each case")
	flag.DurationVar(&s.time, "time", time.Second, "how long a turn takes")
	flag.IntVar(&s.conns, "conns", 32, "connections at once, where the case does not say")
	flag.StringVar(&s.cases, "cases", "", "only these, separated by commas: \"1KB,100 events\"")
	flag.StringVar(&s.json, "json", "", "file to write the report to as JSON")
	flag.StringVar(&s.ours, "llmroute", "", "binary to measure instead of building this checkout's")
	flag.StringVar(&s.before, "before", "", "another llmroute binary to measure beside, for a change's effect")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s *settings) error {
	cases, err := s.chosen()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench") // socket paths are short
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := envoy.Search{Path: os.Getenv("ENVOY_PATH"), From: "ENVOY_PATH", LookPATH: true, Version: os.Getenv("ENVOY_VERSION")}.Find(ctx)
	if err != nil {
		return err
	}
	up, err := newUpstream(cases)
	if err != nil {
		return err
	}
	defer up.listener.Close()
	l := &lineup{dir: dir, envoy: binary.Path, upstream: up.listener.Addr().String()}
	all, err := l.all(ctx, s)
	defer func() {
		for _, c := range all {
			c.stop()
		}
	}()
	if err != nil {
		return err
	}
	report := &Report{Envoy: binary.Version}
	if err := s.measure(ctx, report, cases, all, up); err != nil {
		return err
	}
	report.conclude()
	report.print(os.Stdout)
	if s.json != "" {
		err = report.write(s.json)
	}
	if n := report.errors(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests failed", n))
	}
	return err
}

// chosen returns the cases to run, with their connections filled in.
func (s *settings) chosen() ([]workload.Case, error) {
	cases := workload.Cases()
	if s.cases != "" {
		byName := make(map[string]workload.Case)
		for _, c := range cases {
			byName[c.Name] = c
		}
		cases = nil
		for name := range strings.SplitSeq(s.cases, ",") {
			c, ok := byName[name]
			if !ok {
				return nil, fmt.Errorf("there is no case %q", name)
			}
			cases = append(cases, c)
		}
	}
	for i := range cases {
		cases[i].Conns = cmp.Or(cases[i].Conns, s.conns)
	}
	if s.rounds < 1 || s.conns < 1 {
		return nil, errors.New("at least one round and one connection are needed")
	}
	return cases, nil
}

// all builds what is not there and starts every contestant; those that run are
// returned with an error, too.
func (l *lineup) all(ctx context.Context, s *settings) (all []*contestant, err error) {
	noop, ours := filepath.Join(l.dir, "noop-binary"), cmp.Or(s.ours, filepath.Join(l.dir, "llmroute-binary"))
	if err := build(ctx, noop, "llmroute/bench/noop"); err != nil {
		return nil, err
	}
	if s.ours == "" {
		if err := build(ctx, ours, "llmroute/cmd/llmroute"); err != nil {
			return nil, err
		}
	}
	starts := []func() (*contestant, error){
		func() (*contestant, error) { return l.bare(ctx) },
		func() (*contestant, error) { return l.noop(ctx, noop) },
		func() (*contestant, error) { return l.llmroute(ctx, nameOurs, ours) },
	}
	if s.before != "" {
		starts = append(starts, func() (*contestant, error) { return l.llmroute(ctx, nameBefore, s.before) })
	}
	for _, start := range starts {
		c, err := start()
		if err != nil {
			return all, err
		}
		all = append(all, c)
	}
	return all, nil
}

func build(ctx context.Context, binary, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, pkg) // #nosec G204 -- our own packages
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// measure runs the rounds. Cases are gone through once per round, and not one
// by one with all their rounds, so that a busy minute of the machine touches a
// round of each instead of all rounds of one.
func (s *settings) measure(ctx context.Context, r *Report, cases []workload.Case, all []*contestant, up *upstream) error {
	loads := make([][]load, len(cases))
	for i := range cases {
		r.Cases = append(r.Cases, Result{Name: cases[i].Name, Conns: cases[i].Conns, target: cases[i]})
		for _, c := range all {
			want, err := check(c, &cases[i])
			if err != nil {
				return err
			}
			r.Cases[i].Entries = append(r.Cases[i].Entries, Entry{Name: c.name})
			loads[i] = append(loads[i], load{contestant: c, request: request(&cases[i]), want: want, conns: cases[i].Conns, time: s.time})
		}
	}
	for round := range s.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, s.rounds)
		for i := range loads {
			for j := range loads[i] {
				got, err := loads[i][j].round(ctx, up)
				if err != nil {
					return fmt.Errorf("%s: %w", cases[i].Name, err)
				}
				r.Cases[i].Entries[j].Rounds = append(r.Cases[i].Entries[j].Rounds, got)
			}
		}
	}
	return nil
}
