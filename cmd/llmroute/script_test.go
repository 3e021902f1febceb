package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// fetch URL [BODY-FILE] sends a GET, or the file as a POST, until something
// answers, and prints status and body. "! fetch" wants nobody to answer.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: fetch URL [BODY-FILE]")
	}
	const patience = 30 * time.Second
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var text string
		if text, last = fetchOnce(ts, args); last != nil {
			if neg {
				return
			}
			continue
		}
		if neg {
			ts.Fatalf("%s answered: %s", args[0], text)
		}
		fmt.Fprint(ts.Stdout(), text)
		return
	}
	ts.Fatalf("%s: %v", args[0], last)
}

func fetchOnce(ts *testscript.TestScript, args []string) (string, error) {
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if len(args) == 2 {
		method, body = http.MethodPost, strings.NewReader(ts.ReadFile(args[1]))
	}
	req, err := http.NewRequest(method, args[0], body)
	if err != nil {
		return "", err
	}
	req.Close = true
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%s\n%s\n", resp.Status, text), err
}

// occupy ADDRESS listens there until the script ends.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}
