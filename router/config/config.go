// Package config reads what people write, manifests and custom backends, and
// turns it into one checked Config.
//
// It decodes strictly, validates as a Kubernetes API server would with our
// CRDs, reports every problem at once with its file, line and path, and watches
// the files for changes. What it returns is plain data that nothing changes
// afterwards; package router compiles it.
package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"llmroute/translator"
)

// Config is everything that was configured, checked and with defaults filled
// in. It is immutable once Load has returned it.
type Config struct {
	Backends       []*Backend // sorted by ID
	Routes         []*Route   // in the order they were read
	Aliases        []Alias    // in the order in which they are tried
	DefaultBackend string     // ID of the backend that takes what no route matches, or ""
	Warnings       []Problem  // what works but is probably not meant
	Hash           string     // of everything that was read; equal hashes mean nothing changed
}

// Backend is one provider endpoint, however it was written.
type Backend struct {
	// ID is the name people know it by and the key of everything that outlives
	// a reload: "name", or "name.namespace" outside the namespace "default".
	ID     string
	Source string // file:line of its document, for messages

	Schema   translator.Backend
	Endpoint *Endpoint // where it is; nil when Cluster names it
	Cluster  string    // an Envoy cluster that somebody else defines, or ""

	Auth              Auth
	ModelNameOverride string // what the provider calls the model; "" sends the client's name
	Headers           HeaderMutation
	Body              BodyMutation
	Models            []string          // model names it is known to serve, sorted; may be empty
	Settings          map[string]*Model // of Models, by name; Model finds them
	Otherwise         *Model            // of all other models, or nil
	DefaultModel      string            // of requests that name none, or ""
	StrictModels      bool              // only Models are served
	Addressable       bool              // clients may write "ID:model"
	Paths             []string          // prefixes of further paths it takes: plain, without trailing slashes
	ModelPrefixes     []string          // model names it takes without a route (zero-file providers)

	Timeout     time.Duration // until response headers, and for the whole of a non-stream; never 0
	IdleTimeout time.Duration // the longest silence within a stream; never 0
	MaxRetries  int           // after the first try
	RetryDelay  time.Duration
}

// String returns the backend's ID. It is also what keeps keys out of a printed
// Config: fmt shows the content of a pointer that has no string form without
// asking the fields for theirs.
func (b *Backend) String() string { return b.ID }

// Endpoint is a backend's address.
type Endpoint struct {
	Host  string // a DNS name or an address, without brackets
	Port  uint32
	TLS   *TLS // nil for plain text
	HTTP2 bool // speak HTTP/2 with prior knowledge on plain text; with TLS, ALPN decides
}

// TLS says how an endpoint proves itself and, when asked, how we do.
type TLS struct {
	CAFile     string // "" takes the system's roots
	ServerName string // "" takes the endpoint's host
	ClientCert string // file of our certificate chain, or ""
	ClientKey  string // file of its key
}

// AuthType says how a backend wants to be authenticated to.
type AuthType string

// The auth types of LLMBackend.spec.auth.type.
const (
	AuthNone        AuthType = "None"        // take the client's credentials off
	AuthPassthrough AuthType = "Passthrough" // send the client's own
	AuthAPIKey      AuthType = "APIKey"      // set one header to a key
	AuthAWSSigV4    AuthType = "AWSSigV4"    // a signature made with keys of AWS's
	AuthGCP         AuthType = "GCP"         // a token of Google Cloud
	AuthAzureEntra  AuthType = "AzureEntra"  // a token of Microsoft Entra ID
)

// HasToken reports whether what authenticates is a token, or keys to sign with,
// that a provider gives out for a while, and not part of the configuration.
func (t AuthType) HasToken() bool { return t == AuthAWSSigV4 || t == AuthGCP || t == AuthAzureEntra }

// Auth is a backend's credential as configured. Equal ones can be told by ==.
type Auth struct {
	Type   AuthType
	Header string // lower case; for AuthAPIKey
	Prefix string // before the key: "Bearer "
	Key    Secret // "" when the source below holds nothing: requests get a 401
	From   string // where the key comes from, fit for a message: "environment variable OPENAI_API_KEY"

	// For auth types with a token. The Key is what the token is given out for: for
	// AuthGCP a JSON document, for AuthAzureEntra a client secret. Without From it
	// is the TokenFile, or else whatever identity the environment has.
	Scope     string // what the token is to be good for
	Tenant    string // of Entra, for a secret or a TokenFile
	Client    string // of Entra: the application, or the managed identity that is not the only one
	TokenFile string // holds the token of another identity provider, read anew each time

	// For AuthAWSSigV4. With From the Key is a secret access key, else keys come
	// from the default chain of AWS's own clients.
	KeyID   string // of the access key
	Session Secret // the session's token, "" for keys that last
	Region  string // that requests are signed for; never ""
	Service string // likewise
	Profile string // whose keys, "" for the usual one
	Role    string // ARN of the role to assume with the keys, "" for none
	RoleID  string // the external id that the role's owner asks for, "" for none
	Shared  string // digest of the shared files that the chain may read, "" for none
}

// IsMissing reports whether the secret that was configured is not there: its
// source is known and holds nothing.
func (a Auth) IsMissing() bool { return a.From != "" && a.Key == "" }

// Secret is a value that no printing shows.
type Secret string

// Format hides the value from every verb, those that do not fit included.
func (s Secret) Format(f fmt.State, verb rune) {
	format := "%s"
	if verb == 'q' {
		format = "%q"
	}
	fmt.Fprintf(f, format, s.String())
}

// String hides the value.
func (Secret) String() string { return "[redacted]" }

// GoString hides the value from %#v.
func (Secret) GoString() string { return "[redacted]" }

// LogValue hides the value from log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText hides the value from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Reveal returns the value, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }

// HeaderMutation is applied to the upstream request last.
type HeaderMutation struct {
	Set    []translator.Header
	Remove []string // lower case
}

// BodyMutation is applied to the upstream request's JSON body last.
type BodyMutation struct {
	Set    []BodyField
	Remove []string // sjson paths
}

// BodyField is one value to write; Path is a sjson path.
type BodyField struct {
	Path  string
	Value json.RawMessage
}

// Route is one LLMRoute joined with its HTTPRoute, in whichever of the three
// forms it was written.
type Route struct {
	Namespace, Name string    // of the HTTPRoute when there is one, else of the LLMRoute
	LLMRoute        string    // the LLMRoute's "name" or "name.namespace", for messages, logs and metrics
	Source          string    // file:line
	Created         time.Time // creationTimestamp; zero when missing
	Hostnames       []string  // lower case, perhaps "*.example.com"; empty matches every host
	Rules           []Rule
}

// Rule is one HTTPRoute rule. Matches are alternatives; none at all matches
// every request.
type Rule struct {
	Name     string // as written, or ""
	Matches  []Match
	Backends []BackendRef
}

// Match is a set of conditions that must all hold.
type Match struct {
	Path    PathMatch
	Method  string  // "" for any
	Headers []Field // names lower case, values exact; equivalent names once, the first wins
	Query   []Field // names exact; equivalent names once, the first wins
}

// PathMatch compares a path (without its query). The zero value is the
// prefix "/", which every path has.
type PathMatch struct {
	Exact bool
	Value string // for a prefix: no trailing slash unless it is "/" itself; "" means "/"
}

// Field is a name and the value it must have.
type Field struct{ Name, Value string }

// BackendRef is one of a rule's backends.
type BackendRef struct {
	Backend string // ID of a backend in Config.Backends; when it is missing, its share of requests gets a 500
	Missing bool   // nothing of that ID is configured
	Weight  int32  // 0 is never chosen
}

// Problem is one thing wrong with the configuration.
type Problem struct {
	File    string // as the person named it; "" when no file is at fault
	Line    int    // 1-based; 0 when unknown
	Object  string // "LLMRoute default/my-route", or ""
	Path    string // "spec.rules[0].matches[0].headers", or ""
	Message string // what is wrong and what to do
}
