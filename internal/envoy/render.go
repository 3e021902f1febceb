package envoy

import (
	"cmp"
	_ "embed"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

// The addresses that the envoy.yaml at the repository's root is rendered with.
const (
	DefaultListen = "127.0.0.1:10000" // Envoy's listener
	DefaultGRPC   = "127.0.0.1:1063"  // the sidecar's gRPC port
)

// bodyLimit is the most bytes of one body that Envoy holds. It is twice the
// sidecar's default limit, so that a translated body may grow on the way.
const bodyLimit = 64 << 20

// Addresses are what a bootstrap is rendered for.
type Addresses struct {
	Listen string // where Envoy accepts requests, "host:port"; "" means DefaultListen. Port 0 lets the kernel choose
	GRPC   string // the sidecar's gRPC port, "host:port" or "unix:PATH"; "" means DefaultGRPC
	Admin  string // Envoy's admin port, "host:port"; "" leaves it to func-e
	// Own renders for people who keep their own clusters: no ADS, and a static
	// cluster of this name as an example. "" renders with ADS.
	Own string
}

//go:embed bootstrap.yaml.tmpl
var bootstrapText string

var bootstrap = template.Must(template.New("bootstrap").Option("missingkey=error").Parse(bootstrapText))

// localReply is how Envoy words what it says on its own.
type localReply struct{ When, Message, Type, Code string }

// The first whose condition holds is taken. The processor's own replies carry
// code details that begin "llmroute_"; a mapper without that condition would
// overwrite their bodies.
var localReplies = []localReply{
	{
		When:    "response.code_details.startsWith('ext_proc_error')",
		Message: "The gateway's sidecar does not answer. Try again shortly.",
		Type:    "server_error", Code: "gateway_unavailable",
	},
	{
		When:    "!response.code_details.startsWith('llmroute_') && response.code == 413",
		Message: fmt.Sprintf("The request body is larger than the %d bytes that Envoy holds.", bodyLimit),
		Type:    "invalid_request_error", Code: "request_too_large",
	},
	{
		When:    "!response.code_details.startsWith('llmroute_') && response.code < 500",
		Message: "Envoy refused the request: %RESPONSE_CODE_DETAILS%.",
		Type:    "invalid_request_error", Code: "bad_request",
	},
	{
		When:    "!response.code_details.startsWith('llmroute_')",
		Message: "Envoy got no answer for the request: %RESPONSE_CODE_DETAILS%.",
		Type:    "server_error", Code: "upstream_unreachable",
	},
}

// Render returns Envoy's bootstrap for the addresses, with comments for people
// who copy it. Equal addresses give equal bytes.
func Render(a Addresses) (string, error) {
	listen, err := socketAddress(cmp.Or(a.Listen, DefaultListen))
	if err != nil {
		return "", fmt.Errorf("listen address: %w", err)
	}
	grpc, err := address(cmp.Or(a.GRPC, DefaultGRPC))
	if err != nil {
		return "", fmt.Errorf("gRPC address: %w", err)
	}
	var admin string
	if a.Admin != "" {
		if admin, err = socketAddress(a.Admin); err != nil {
			return "", fmt.Errorf("admin address: %w", err)
		}
	}
	var b strings.Builder
	err = bootstrap.Execute(&b, map[string]any{
		"Listen": listen, "GRPC": grpc, "Admin": admin,
		"ADS": a.Own == "", "Own": a.Own,
		"Versions":  strings.Join(Tested(), ", "),
		"BodyLimit": bodyLimit,
		"Replies":   localReplies,
	})
	if err != nil {
		return "", fmt.Errorf("render bootstrap: %w", err)
	}
	return b.String(), nil
}

// address spells "host:port" or "unix:PATH" as an Envoy address.
func address(s string) (string, error) {
	path, ok := strings.CutPrefix(s, "unix:")
	if !ok {
		return socketAddress(s)
	}
	if path == "" {
		return "", fmt.Errorf("%q has no path", s)
	}
	// Envoy may run in another folder than whoever renders.
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("{pipe: {path: %s}}", strconv.Quote(path)), nil
}

func socketAddress(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port: %w", s, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", fmt.Errorf("%q: the port must be a number from 0 to 65535", s)
	}
	switch host {
	case "localhost":
		host = "127.0.0.1"
	case "":
		host = "0.0.0.0"
	}
	if net.ParseIP(host) == nil {
		return "", fmt.Errorf("%q: the host must be an IP address, since Envoy looks up no names here", s)
	}
	return fmt.Sprintf("{socket_address: {address: %s, port_value: %d}}", quoteIPv6(host), n), nil
}

// quoteIPv6 quotes what YAML would read as a mapping.
func quoteIPv6(host string) string {
	if strings.Contains(host, ":") {
		return strconv.Quote(host)
	}
	return host
}

// File is a rendered bootstrap that is kept in the repository.
type File struct {
	Path      string // from the repository's root
	Addresses Addresses
}

// Files returns the bootstraps that are kept in the repository.
func Files() []File {
	return []File{
		{Path: "envoy.yaml"},
		{Path: "manifests/samples/own-clusters-envoy.yaml", Addresses: Addresses{Own: "my-provider"}},
	}
}
