package main

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"llmroute/extproc"
	"llmroute/internal/envoy"
)

// The ports that scripts and documents may rely on; Envoy's are in package envoy.
const (
	defaultAdmin    = "127.0.0.1:1064"
	defaultFake     = "127.0.0.1:1065"
	defaultBackends = "config/backends"
)

// defaults are what the flags' tags refer to.
func defaults() kong.Vars {
	return kong.Vars{
		"listen": envoy.DefaultListen, "grpc": envoy.DefaultGRPC, "admin": defaultAdmin, "fake": defaultFake,
		"backends": defaultBackends, "maxbody": byteText(extproc.DefaultMaxBody),
	}
}

// sourceFlags say where the configuration is.
type sourceFlags struct {
	Config         []string `placeholder:"PATH" env:"LLMROUTE_CONFIG" help:"File or folder of manifests; may be repeated."`
	Backends       string   `placeholder:"DIR" env:"LLMROUTE_BACKENDS" help:"Folder of custom backends, each NAME/backend.yaml (default: ${backends}, if it is there)."`
	DefaultBackend string   `placeholder:"NAME" env:"LLMROUTE_DEFAULT_BACKEND" help:"Backend for models that no route and no backend name matches."`
	ModelAlias     []string `sep:"none" placeholder:"PATTERN=NAME" env:"LLMROUTE_MODEL_ALIAS" help:"Another name for the models whose names the pattern fits from their beginning, as in '^gpt-(.*)=openai:gpt-\\1'; may be repeated, the first that fits counts."`
	ForceWindow    int64    `name:"force-context-window" placeholder:"TOKENS" env:"LLMROUTE_FORCE_CONTEXT_WINDOW" help:"Context window of every model, in place of what is configured."`
}

// sidecarFlags are those of run and serve.
type sidecarFlags struct {
	sourceFlags
	GRPC         string        `name:"grpc" default:"${grpc}" placeholder:"ADDRESS" env:"LLMROUTE_GRPC" help:"Where Envoy asks: host:port or unix:PATH (default: ${default})."`
	InsecureGRPC bool          `env:"LLMROUTE_INSECURE_GRPC" help:"Allow --grpc on an address that others can reach. Whoever does can read the providers' keys."`
	Admin        string        `default:"${admin}" placeholder:"ADDRESS" env:"LLMROUTE_ADMIN" help:"Metrics, health and status page (default: ${default})."`
	Fake         string        `default:"${fake}" placeholder:"ADDRESS" env:"LLMROUTE_FAKE" help:"The embedded provider, when nothing else is configured, or when a backend has this endpoint (default: ${default})."`
	MaxBody      byteCount     `default:"${maxbody}" placeholder:"SIZE" env:"LLMROUTE_MAX_BODY" help:"Largest request body (default: ${default})."`
	Drain        time.Duration `default:"30s" placeholder:"TIME" env:"LLMROUTE_DRAIN" help:"How long running requests may go on after the end was asked for (default: ${default})."`
	LimitsURL    limitsURL     `name:"limits-url" placeholder:"URL" env:"LLMROUTE_LIMITS_URL" help:"Redis or Valkey in which several sidecars share their limits per minute: redis://, rediss:// or unix://, with user and password (default: each sidecar counts for itself)."`
	LimitsDown   string        `name:"limits-when-down" default:"refuse" enum:"refuse,allow,local" placeholder:"CHOICE" env:"LLMROUTE_LIMITS_WHEN_DOWN" help:"While it cannot be asked: refuse requests to limited models, allow them uncounted, or count in each sidecar alone, local (default: ${default})."`
	CAFile       string        `name:"ca-file" placeholder:"PATH" env:"LLMROUTE_CA_FILE" help:"Roots for https backends, on Envoy's machine (default: the system's)."`
	LogLevel     slog.Level    `default:"info" placeholder:"LEVEL" env:"LLMROUTE_LOG_LEVEL" help:"debug, info, warn or error; one line per request is info (default: ${default})."`
}

// limitsURL may hold a password, which no printing of the flags shows.
type limitsURL string

func (limitsURL) String() string { return "[redacted]" }

// byteCount is a number of bytes, written as a number or with KiB, MiB or GiB.
type byteCount int

var bytesType = reflect.TypeFor[byteCount]()

func decodeBytes(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("size", &text); err != nil {
		return err
	}
	n, err := parseBytes(text)
	if err != nil {
		return err
	}
	target.SetInt(int64(n))
	return nil
}

var byteUnits = []struct {
	name  string
	shift uint
}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}}

func parseBytes(text string) (byteCount, error) {
	number, shift := text, uint(0)
	for _, u := range byteUnits {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, shift = strings.TrimSpace(n), u.shift
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || n == 0 || n > math.MaxInt>>shift {
		return 0, fmt.Errorf("%q is not a size like 33554432, 512KiB or 32MiB", text)
	}
	return byteCount(n << shift), nil
}

func byteText(n int) string {
	for _, u := range byteUnits {
		if n >= 1<<u.shift && n%(1<<u.shift) == 0 {
			return strconv.Itoa(n>>u.shift) + u.name
		}
	}
	return strconv.Itoa(n)
}

// shellQuote makes s one word for a shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
