package main

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenGRPC(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, address string
		insecure      bool
		want          string // in the error; "" for none
	}{
		{name: "loopback", address: "127.0.0.1:0"},
		{name: "loopback, IPv6", address: "[::1]:0"},
		{name: "localhost", address: "localhost:0"},
		{name: "every address", address: "0.0.0.0:0", want: "--insecure-grpc"},
		{name: "every address, unspelled", address: ":0", want: "--insecure-grpc"},
		{name: "a name", address: "sidecar.example:0", want: "--insecure-grpc"},
		{name: "insisted", address: "0.0.0.0:0", insecure: true},
		{name: "taken", address: taken.Addr().String(), want: "is taken by another program"},
		{name: "no port", address: "127.0.0.1", want: `"127.0.0.1" is not host:port or unix:PATH`},
		{name: "no path", address: "unix:", want: "unix: needs a path"},
		{name: "a file in the way", address: "unix:" + file, want: "is there and is not a socket"},
		{name: "no folder", address: "unix:" + filepath.Join(t.TempDir(), "none", "s"), want: "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := listenGRPC(tt.address, tt.insecure)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				_ = l.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "llmroute.sock")
	first, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := os.Stat(path); err != nil || f.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("got %v, %v, want a socket with mode 0600", f.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("got %v, %v beside the socket", left, err)
	}
	if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "is taken by another program") {
		t.Errorf("second: got %v", err)
	}

	// As a process leaves it that was killed: the file is there, nobody answers.
	stale := first.(*unixListener)
	if err := stale.UnixListener.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := listenUnix(path)
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	_ = first.Close() // must leave its successor's socket alone
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("after the first one's late close: %v", err)
	} else {
		_ = c.Close()
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after close the socket is still there: %v", err)
	}
}

func TestParseBytes(t *testing.T) {
	tests := []struct {
		in   string
		want byteCount
		bad  bool
	}{
		{in: "1", want: 1},
		{in: "33554432", want: 32 << 20},
		{in: "512KiB", want: 512 << 10},
		{in: "32 MiB", want: 32 << 20},
		{in: "2GiB", want: 2 << 30},
		{in: "", bad: true},
		{in: "0", bad: true},
		{in: "-1", bad: true},
		{in: "1.5MiB", bad: true},
		{in: "32MB", bad: true},
		{in: "9223372036854775807KiB", bad: true},
	}
	for _, tt := range tests {
		got, err := parseBytes(tt.in)
		if got != tt.want || (err != nil) != tt.bad {
			t.Errorf("%q: got %d, %v, want %d", tt.in, got, err, tt.want)
		}
		if err == nil {
			if again, err := parseBytes(byteText(int(got))); err != nil || again != got {
				t.Errorf("%q: written as %q it reads %d, %v", tt.in, byteText(int(got)), again, err)
			}
		}
	}
}
