package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// errTaken ends a sentence that begins with an address.
var errTaken = errors.New("is taken by another program")

// listen opens the port for what, which is named in errors.
func listen(what, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s %w", what, address, errTaken)
	default:
		return nil, fmt.Errorf("%s: %w", what, err)
	}
}

// listenGRPC opens the port that Envoy asks on: "host:port" or "unix:PATH".
//
// Whoever can open it can have the keys of the providers put into a request and
// read them. So it is loopback or a socket that only this user may open; any
// other address must be insisted on.
func listenGRPC(address string, insecure bool) (net.Listener, error) {
	const what = "gRPC port (--grpc)"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		l, err := listenUnix(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return l, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is not host:port or unix:PATH", what, address)
	}
	ip := net.ParseIP(host)
	if !insecure && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s: others may reach %s and read the providers' keys there: use a loopback address, unix:PATH, or insist with --insecure-grpc", what, address)
	}
	return listen(what, address)
}

// unixListener removes its socket when it is closed, unless another took its place.
type unixListener struct {
	*net.UnixListener
	path string
	file os.FileInfo
}

// listenUnix binds under another name and renames: the socket has its mode
// before anybody can find it, and one that a dead process left behind is
// replaced without a moment in which there is none.
func listenUnix(path string) (net.Listener, error) {
	if path == "" {
		return nil, errors.New("unix: needs a path")
	}
	if c, err := net.Dial("unix", path); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("unix:%s is taken by another program", path)
	}
	if f, err := os.Lstat(path); err == nil && f.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s is there and is not a socket", path)
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".llmroute-") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	defer os.RemoveAll(dir)
	bound := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: bound, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // it would remove the name it was bound under
	u := &unixListener{UnixListener: l, path: path}
	if err = os.Chmod(bound, 0o600); err == nil {
		if u.file, err = os.Lstat(bound); err == nil {
			err = os.Rename(bound, path)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make socket: %w", err), l.Close())
	}
	return u, nil
}

// Close stops listening and removes the socket.
func (u *unixListener) Close() error {
	if now, err := os.Lstat(u.path); err == nil && os.SameFile(now, u.file) {
		_ = os.Remove(u.path)
	}
	return u.UnixListener.Close()
}
