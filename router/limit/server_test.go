package limit

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"
)

// server is a real Redis or Valkey of the test's own.
type server struct {
	url  string
	args []string
	path string
	cmd  *exec.Cmd
}

// startServer starts one on a socket in a folder of the test.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	path, err := exec.LookPath("valkey-server")
	if err != nil {
		path, err = exec.LookPath("redis-server")
	}
	if err != nil {
		t.Fatal("no redis-server: make redis installs it")
	}
	folder, err := os.MkdirTemp("", "limit") //nolint:usetesting // a socket's path must be short, and a test's folder is not
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(folder, "s")
	s := &server{path: path, url: "unix://" + socket, args: append([]string{
		"--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "no", "--daemonize", "no",
	}, args...)}
	t.Cleanup(func() {
		s.stop(t)
		os.RemoveAll(folder)
	})
	s.start(t)
	return s
}

func (s *server) start(t testing.TB) {
	t.Helper()
	var output bytes.Buffer
	s.cmd = exec.Command(s.path, s.args...)
	s.cmd.Stdout = &output
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	socket := strings.TrimPrefix(s.url, "unix://")
	for range 500 {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.stop(t)
	t.Fatalf("no server after five seconds: %s", &output)
}

// stop kills it as a crash would.
func (s *server) stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGCONT)
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
	os.Remove(strings.TrimPrefix(s.url, "unix://"))
}

// sidecar returns a store as one of several processes has it.
func (s *server) sidecar(t testing.TB, options RedisOptions) *Redis {
	t.Helper()
	options.URL = s.url
	if options.Timeout == 0 {
		options.Timeout = 5 * time.Second // a busy machine is no failure
	}
	r, err := NewRedis(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r.Close(ctx)
	})
	return r
}

// do asks the server directly.
func (r *Redis) do(t testing.TB, command ...string) valkey.ValkeyResult {
	t.Helper()
	client := *r.live.Load()
	return client.Do(t.Context(), client.B().Arbitrary(command...).Build())
}

// settled waits until everything that has ended is on the server.
func (r *Redis) settled(t testing.TB) {
	t.Helper()
	for start := time.Now(); r.ends.pending.Load() > 0; time.Sleep(20 * time.Microsecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatal("settlements are on their way for ever")
		}
	}
}

// certificate returns files of a certificate for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return write("certificate", "CERTIFICATE", der), write("key", "PRIVATE KEY", secret), roots
}
