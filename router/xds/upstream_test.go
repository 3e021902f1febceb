package xds

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// authority of a test: signs certificates that live in files.
type testCA struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // of the root
}

func newCA(t testing.TB) *testCA {
	t.Helper()
	ca := &testCA{dir: t.TempDir()}
	ca.cert, ca.key, ca.file, _ = ca.sign(t, "root", &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	})
	return ca
}

// sign makes a certificate and writes it and its key to files.
func (ca *testCA) sign(t testing.TB, name string, c *x509.Certificate) (cert *x509.Certificate, key *ecdsa.PrivateKey, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.Subject = pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := ca.cert, ca.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(ca.dir, name+".pem"), filepath.Join(ca.dir, name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, certFile, keyFile
}

// tellingUpstream answers with what it saw: protocol, host, SNI, client certificate.
func tellingUpstream(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	sni, client := "-", "-"
	if r.TLS != nil {
		sni = r.TLS.ServerName
		if len(r.TLS.PeerCertificates) > 0 {
			client = r.TLS.PeerCertificates[0].Subject.CommonName
		}
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	fmt.Fprintf(w, "%s host=%s sni=%s client=%s bytes=%d", r.Proto, host, sni, client, n)
}

// serve starts an upstream and returns its port.
func serve(t testing.TB, h http.HandlerFunc, tlsConfig *tls.Config) uint32 {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are what some tests want
	if tlsConfig != nil {
		s.EnableHTTP2 = slices.Contains(tlsConfig.NextProtos, "h2")
		s.TLS = tlsConfig
		s.StartTLS()
	} else {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP1(true)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return uint32(s.Listener.Addr().(*net.TCPAddr).Port) // #nosec G115 -- a port
}

// serveTLS starts an upstream that speaks protocols (nil: HTTP/1.1) and
// whose certificate is good for names and addrs.
func (ca *testCA) serveTLS(t testing.TB, protocols, names []string, addrs ...net.IP) uint32 {
	t.Helper()
	_, _, cert, key := ca.sign(t, "server", &x509.Certificate{DNSNames: names, IPAddresses: addrs})
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, tellingUpstream, &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
	})
}

// resolver is a DNS server: every name is 127.0.0.1, after a while.
type resolver struct{ port int }

func newResolver(t testing.TB, delay func(name string) time.Duration) *resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		for buf := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			name, answer := resolve(append([]byte(nil), buf[:n]...))
			time.AfterFunc(delay(name), func() { _, _ = conn.WriteTo(answer, from) })
		}
	}()
	return &resolver{port: conn.LocalAddr().(*net.UDPAddr).Port}
}

// bootstrap is what makes Envoy ask r.
func (r *resolver) bootstrap() string {
	return fmt.Sprintf(`typed_dns_resolver_config:
  name: envoy.network.dns_resolver.cares
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
    resolvers: [{socket_address: {address: 127.0.0.1, port_value: %d}}]`, r.port)
}

// resolve turns a DNS query with one question into its answer.
func resolve(q []byte) (name string, answer []byte) {
	end := 12
	var labels strings.Builder
	for q[end] != 0 {
		labels.Write(q[end+1 : end+1+int(q[end])])
		labels.WriteByte('.')
		end += int(q[end]) + 1
	}
	end += 5
	a := q[:end:end]
	a[2], a[3] = 0x84, 0 // an authoritative answer, no error
	clear(a[6:12])
	const typeA = 1
	if binary.BigEndian.Uint16(q[end-4:]) == typeA {
		a[7] = 1
		a = append(a, 0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return labels.String(), a
}
