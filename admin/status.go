package admin

import "time"

// Status is what is running, as far as people may know. Its text is shown to
// whoever can reach the port: no secrets.
type Status struct {
	Version  string    `json:"version"`
	Envoy    string    `json:"envoy,omitempty"` // the version we were tested with
	Started  time.Time `json:"started"`
	NotReady string    `json:"not_ready,omitempty"` // filled in from Options.Ready
	Config   Config    `json:"config"`
	Routes   []Route   `json:"routes"`
	Backends []Backend `json:"backends"`
	Envoys   []Envoy   `json:"envoys"`
}

// Config is the configuration in force, and what became of a newer one.
type Config struct {
	Hash     string    `json:"hash"`
	Applied  time.Time `json:"applied,omitzero"`
	Sources  []string  `json:"sources,omitempty"` // files and folders
	Warnings []string  `json:"warnings,omitempty"`
	// Failure is why the newest reload was not applied; "" when it was. It may
	// have several lines, one for each problem.
	Failure  string    `json:"failure,omitempty"`
	FailedAt time.Time `json:"failed_at,omitzero"`
}

// Route is one route and its rules in the order they are tried.
type Route struct {
	Name      string   `json:"name"`
	Hostnames []string `json:"hostnames,omitempty"`
	Rules     []Rule   `json:"rules"`
}

// Rule is one rule, in words: "model = llama3-70b", "kserve 20, aws-bedrock 80".
type Rule struct {
	Name     string `json:"name"`
	Matches  string `json:"matches,omitempty"` // "" for a rule that matches everything
	Backends string `json:"backends"`
}

// Backend is one backend. The counts are filled in from Options.Totals.
type Backend struct {
	ID      string `json:"id"`
	Schema  string `json:"schema,omitempty"`
	Address string `json:"address,omitempty"` // URL, or the cluster somebody else defines
	Cluster string `json:"cluster,omitempty"` // Envoy's name for it
	Note    string `json:"note,omitempty"`    // what somebody should know of it: "its key is not set"

	Requests     int64 `json:"requests"`
	Failed       int64 `json:"failed"`
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
}

// Envoy is an Envoy that takes its clusters from us.
type Envoy struct {
	Node     string `json:"node"`
	Version  string `json:"version"`
	Clusters int    `json:"clusters"`
	Problem  string `json:"problem,omitempty"` // what it refused last, or a version nobody has tried
}
