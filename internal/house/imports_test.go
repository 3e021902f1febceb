package house

import (
	"fmt"
	"strings"
	"testing"
)

// external says who alone may import a module of somebody else's.
var external = []struct {
	module string
	only   []string
	reason string
}{
	{
		"github.com/envoyproxy/go-control-plane", []string{"extproc", "router/xds"},
		"the other packages decide and translate without knowing Envoy's protocols",
	},
	{
		"go.opentelemetry.io", []string{"telemetry"},
		"what is measured is a value until it gets there, so nothing else changes with OpenTelemetry",
	},
	{
		"k8s.io/client-go", []string{"router/kube"},
		"it brings hundreds of packages, which a gateway without Kubernetes does not need to understand",
	},
	{
		"sigs.k8s.io/controller-runtime", []string{"router/kube"},
		"as client-go",
	},
	{
		"k8s.io/apiextensions-apiserver", []string{"router/config/crd", "api", "manifests"},
		"the API server's validation is used offline where the definitions are; elsewhere its result is a list of messages",
	},
	{
		"github.com/tidwall", []string{"translator", "router", "extproc", "internal/fakellm"},
		"bytes are looked at in place only where requests are; elsewhere JSON is decoded",
	},
	{
		"github.com/tetratelabs/func-e", []string{"internal/envoy"},
		"one package runs Envoy",
	},
	{
		"golang.org/x/oauth2", []string{"router/credential"},
		"tokens are one room's matter; elsewhere a credential is a header",
	},
	{
		"github.com/Azure", []string{"router/credential"},
		"as golang.org/x/oauth2",
	},
	{
		"github.com/aws", []string{"router/credential"},
		"as golang.org/x/oauth2",
	},
	{
		"github.com/valkey-io/valkey-go", []string{"router/limit", "router/cache"},
		"what processes share is behind an interface, so that one process needs no server",
	},
	{
		"github.com/alecthomas/kong", []string{"cmd"},
		"the command line ends in cmd; below it are options",
	},
}

// own says which of our packages a tree may import; a tree may import itself.
// The first that fits a package counts.
var own = []struct {
	tree   string
	may    []string
	reason string
}{
	{"translator/claude", nil, "what the models can do is known before anything is asked of them, and is the same in every dialect"},
	{"translator", nil, "pure functions over bytes: it must be usable without a gateway around it"},
	{"api", nil, "the types a person writes are for others to import as well"},
	{"manifests", nil, "it only carries files"},
	{"telemetry", nil, "a finished exchange is told to it as values"},
	{"admin", []string{"telemetry"}, "the human's side shows what it is given and reaches into nothing"},
	{"internal/fakellm", nil, "it stands for a provider, so it must not share our mistakes"},
	{"internal/envoy", nil, "the bootstrap is the same whatever is configured"},
	{"internal/house", nil, "rules look at packages from outside"},
	{"router/config/crd", []string{"manifests", "api"}, "documents are checked against the definitions that are shipped"},
	{"router/config", []string{"translator", "api", "manifests"}, "what people write becomes plain data, before anything is decided"},
	{"router/xds", []string{"router/config"}, "clusters follow from configured backends alone"},
	{"router/kube", []string{"router/config", "api"}, "it is another source of the same documents"},
	{"router/auth", []string{"router/config"}, "the rooms of router do not know each other: router joins them"},
	{"router/limit", []string{"router/config"}, "as router/auth"},
	{"router/admission", []string{"router/config", "translator"}, "it reads a request as the translator does, and decides by what is configured"},
	{"router/cache", []string{"router/config"}, "as router/auth"},
	{"router/credential", []string{"router/config", "translator"}, "as router/auth"},
	{"router", []string{"translator"}, "decisions are values: it neither answers Envoy nor logs nor counts"},
	{"extproc", []string{"router", "translator", "telemetry"}, "it is the only room that sees request, decision and translation together"},
	{"cmd", []string{"extproc", "router", "translator", "telemetry", "admin", "api", "manifests", "internal"}, "it wires everything"},
}

// A dialect's room knows what all dialects meet in, and no other dialect: so N
// clients and M backends are N+M rooms.
var dialects = []string{"openai", "anthropic", "bedrock", "gemini", "cohere", "mistral"}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTestRoom() {
			continue
		}
		for _, path := range s.imports {
			if ours, ok := strings.CutPrefix(path, module+"/"); ok {
				if why := wrongOwn(s.path, ours); why != "" {
					t.Errorf("%s imports %s: %s", s.path, ours, why)
				}
			} else if why := wrongExternal(s.path, path); why != "" {
				t.Errorf("%s imports %s: %s", s.path, path, why)
			}
		}
	}
}

func wrongOwn(from, to string) string {
	if strings.HasSuffix(to, "test") && !within(to, "tests") {
		return "it is for tests"
	}
	if a, b := dialectOf(from), dialectOf(to); a != "" && b != "" && a != b {
		return "a dialect knows no other dialect"
	}
	for _, rule := range own {
		if !within(from, rule.tree) {
			continue
		}
		if within(to, rule.tree) || within(to, rule.may...) {
			return ""
		}
		return fmt.Sprintf("%s may import %v of ours: %s", rule.tree, rule.may, rule.reason)
	}
	return "it is in no rule: add one to own, with its reason"
}

func dialectOf(path string) string {
	for _, d := range dialects {
		if within(path, "translator/"+d) {
			return d
		}
	}
	return ""
}

func wrongExternal(from, path string) string {
	if within(from, "translator") && strings.Contains(firstElement(path), ".") && !within(path, "github.com/tidwall/gjson", "github.com/tidwall/sjson") {
		return "translator takes nothing but the standard library, gjson and sjson: what it costs and does must be plain to see"
	}
	for _, rule := range external {
		if within(path, rule.module) && !within(from, rule.only...) {
			return fmt.Sprintf("only %v may: %s", rule.only, rule.reason)
		}
	}
	return ""
}

func firstElement(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

// The rules bite: each of these would be a mistake, or would not.
func TestImportRules(t *testing.T) {
	tests := []struct {
		from, to string
		wrong    bool
	}{
		{"translator/openai", "translator/frame", false},
		{"translator/openai", "translator/anthropic", true},
		{"translator/bedrock", "translator/claude", false},
		{"translator/claude", "translator/chat", true},
		{"translator", "router", true},
		{"router", "router/xds", false},
		{"router", "extproc", true},
		{"router", "telemetry", true},
		{"router/xds", "router/config", false},
		{"router/xds", "router/limit", true},
		{"router/config", "router/config/crd", false},
		{"extproc", "router", false},
		{"extproc", "admin", true},
		{"extproc", "extproc/extproctest", true},
		{"admin", "telemetry", false},
		{"admin", "router", true},
		{"cmd/llmroute", "internal/fakellm", false},
		{"newroom", "router", true},
	}
	for _, tt := range tests {
		if got := wrongOwn(tt.from, tt.to); (got != "") != tt.wrong {
			t.Errorf("%s to %s: got %q, want a complaint: %v", tt.from, tt.to, got, tt.wrong)
		}
	}
	outside := []struct {
		from, to string
		wrong    bool
	}{
		{"extproc", "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3", false},
		{"router", "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3", true},
		{"extproc", "go.opentelemetry.io/otel", true},
		{"telemetry", "go.opentelemetry.io/otel/sdk/metric", false},
		{"translator/frame", "github.com/tidwall/gjson", false},
		{"translator/frame", "golang.org/x/text/width", true},
		{"translator/frame", "encoding/json", false},
		{"router", "k8s.io/client-go/rest", true},
	}
	for _, tt := range outside {
		if got := wrongExternal(tt.from, tt.to); (got != "") != tt.wrong {
			t.Errorf("%s to %s: got %q, want a complaint: %v", tt.from, tt.to, got, tt.wrong)
		}
	}
}
