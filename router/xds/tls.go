package xds

import (
	"cmp"
	"net/netip"
	"os"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"llmroute/router/config"
)

// bundles are where distributions keep the system's roots.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
	"/etc/pki/tls/certs/ca-bundle.crt",                  // older RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/ssl/cert.pem",                                 // macOS, BSD
}

// systemBundle returns the first bundle that exists, else the most usual one:
// Envoy then refuses the cluster and names the file, which is better than a
// connection that nobody has verified.
func systemBundle() string {
	for _, file := range bundles {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return bundles[0]
}

// tlsSocket returns a TLS connection that verifies the server: Envoy verifies
// nothing unless it is given roots and a name to compare with.
//
// The name is written out instead of taken from the endpoint (auto_host_sni):
// the endpoint's hostname is the Host header and may carry a port.
func tlsSocket(e *config.Endpoint, caFile string) *corev3.TransportSocket {
	roots := &tlsv3.CertificateValidationContext{TrustedCa: file(cmp.Or(e.TLS.CAFile, caFile))}
	common := &tlsv3.CommonTlsContext{
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: roots},
	}
	if e.TLS.ClientCert != "" {
		common.TlsCertificates = []*tlsv3.TlsCertificate{{CertificateChain: file(e.TLS.ClientCert), PrivateKey: file(e.TLS.ClientKey)}}
	}
	up := &tlsv3.UpstreamTlsContext{CommonTlsContext: common}
	name := strings.TrimSuffix(cmp.Or(e.TLS.ServerName, e.Host), ".")
	if addr, err := netip.ParseAddr(name); err == nil {
		// SNI carries no addresses, so the certificate's own is compared.
		roots.MatchTypedSubjectAltNames = []*tlsv3.SubjectAltNameMatcher{{
			SanType: tlsv3.SubjectAltNameMatcher_IP_ADDRESS,
			Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: addr.String()}},
		}}
	} else {
		up.Sni = name
		up.AutoSniSanValidation = true
	}
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: newAny(up)},
	}
}

func file(name string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: name}}
}
