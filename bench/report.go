package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"

	"llmroute/bench/workload"
)

// Report is all that was measured; it is also what -json writes.
type Report struct {
	Envoy   string    `json:"envoy"` // version
	CPUs    int       `json:"cpus"`
	Cases   []Result  `json:"cases"`
	Targets []Verdict `json:"targets"`
}

// Result is one case, by contestant.
type Result struct {
	Name    string  `json:"name"`
	Conns   int     `json:"connections"`
	Entries []Entry `json:"contestants"`

	target workload.Case
}

// Entry is what one contestant did of one case. Rounds of the same index ran
// one after the other in all entries, so that they may be compared in pairs.
type Entry struct {
	Name   string  `json:"name"`
	Rounds []Round `json:"rounds"`
	// Ratio is CPU over that of the no-op processor in the same round.
	Ratio Spread `json:"cpu_to_noop"`
}

// Verdict is a target and what became of it.
type Verdict struct {
	Case   string  `json:"case"`
	Of     string  `json:"of"`
	Target float64 `json:"target"`
	Got    Spread  `json:"got"`
	Met    bool    `json:"met"`
}

// Spread is the median of some values, and how far they lie apart.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	s := slices.Sorted(slices.Values(values))
	// Of an even number the two in the middle count alike.
	return Spread{Median: (s[(len(s)-1)/2] + s[len(s)/2]) / 2, Min: s[0], Max: s[len(s)-1]}
}

// over is the spread of one value of all rounds.
func (e *Entry) over(value func(*Round) float64) Spread {
	values := make([]float64, len(e.Rounds))
	for i := range e.Rounds {
		values[i] = value(&e.Rounds[i])
	}
	return spread(values)
}

func (e *Entry) errors() (n int) {
	for i := range e.Rounds {
		n += e.Rounds[i].Errors
	}
	return n
}

func (r *Result) entry(name string) *Entry {
	for i := range r.Entries {
		if r.Entries[i].Name == name {
			return &r.Entries[i]
		}
	}
	return nil
}

// conclude compares everyone with the no-op processor and holds us to the targets.
func (r *Report) conclude() {
	r.CPUs = runtime.NumCPU()
	for i := range r.Cases {
		c := &r.Cases[i]
		floor := c.entry(nameFloor)
		for j := range c.Entries {
			e := &c.Entries[j]
			ratios := make([]float64, len(e.Rounds))
			for k := range e.Rounds {
				ratios[k] = e.Rounds[k].CPU() / max(floor.Rounds[k].CPU(), 1e-9)
			}
			e.Ratio = spread(ratios)
		}
		ours := c.entry(nameOurs)
		if want := c.target.CPU; want > 0 {
			r.Targets = append(r.Targets, Verdict{c.Name, "CPU per request, over no-op", want, ours.Ratio, ours.Ratio.Median <= want})
		}
		if want := float64(c.target.RSS); want > 0 {
			got := ours.over((*Round).sidecarMiB)
			r.Targets = append(r.Targets, Verdict{c.Name, "peak RSS of the sidecar, MiB", want, got, got.Max <= want})
		}
	}
}

func (r *Round) sidecarMiB() float64 { return float64(r.SidecarRSS) / 1024 }

// errors counts the requests that failed, of everyone.
func (r *Report) errors() (n int) {
	for i := range r.Cases {
		for j := range r.Cases[i].Entries {
			n += r.Cases[i].Entries[j].errors()
		}
	}
	return n
}

func (r *Report) print(out io.Writer) {
	fmt.Fprintf(out, "Envoy %s with one worker; %d CPUs. Medians of the rounds, in brackets the least and the most.\n", r.Envoy, r.CPUs)
	fmt.Fprintln(out, "CPU is user and system time of the processes per request; the ratio is to the no-op processor of the same round.")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i := range r.Cases {
		c := &r.Cases[i]
		fmt.Fprintf(w, "\n%s, %d connections\tCPU µs\tEnvoy\tsidecar\tratio\tp50 µs\tp99 µs\tfirst byte µs\tsidecar MiB\trequests/s\terrors\t\n", c.Name, c.Conns)
		for j := range c.Entries {
			e := &c.Entries[j]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t%d\t\n", e.Name,
				whole(e.over((*Round).CPU)),
				whole(e.over(func(r *Round) float64 { return r.EnvoyCPU })),
				whole(e.over(func(r *Round) float64 { return r.SidecarCPU })),
				hundredths(e.Ratio),
				whole(e.over(func(r *Round) float64 { return r.P50 })),
				whole(e.over(func(r *Round) float64 { return r.P99 })),
				whole(e.over(func(r *Round) float64 { return r.FirstP50 })),
				whole(e.over((*Round).sidecarMiB)),
				e.over(func(r *Round) float64 { return float64(r.Requests) / r.Seconds }).Median,
				e.errors())
		}
		_ = w.Flush() // columns fit within a case, not across them
	}
	fmt.Fprintln(out)
	for _, v := range r.Targets {
		verdict := "met"
		if !v.Met {
			verdict = "MISSED"
		}
		fmt.Fprintf(out, "%-18s %s: %s, target at most %v: %s\n", v.Case, v.Of, hundredths(v.Got), v.Target, verdict)
	}
}

func whole(s Spread) string { return fmt.Sprintf("%.0f [%.0f–%.0f]", s.Median, s.Min, s.Max) }

func hundredths(s Spread) string { return fmt.Sprintf("%.2f [%.2f–%.2f]", s.Median, s.Min, s.Max) }

// write leaves the report as JSON in a file.
func (r *Report) write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o600)
}
