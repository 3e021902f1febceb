package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"llmroute/bench/workload"
)

// headerAnswer tells the upstream which of its answers to give.
const headerAnswer = "x-bench-answer"

// upstream plays the provider. It speaks just enough HTTP/1.1 for Envoy, and its
// answers are laid out in advance: net/http in its place would take more of the
// two cores than what is measured.
type upstream struct {
	listener net.Listener
	answers  map[string]response
	served   atomic.Int64 // requests answered
}

// response is an answer as it goes over the wire.
type response struct {
	writes [][]byte
	pause  time.Duration
}

func newUpstream(cases []workload.Case) (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	u := &upstream{listener: l, answers: make(map[string]response)}
	for _, c := range cases {
		u.answers[c.Answer.Name] = layOut(&c.Answer)
	}
	go u.accept()
	return u, nil
}

func layOut(a *workload.Answer) response {
	const head = "HTTP/1.1 200 OK\r\nx-request-id: req_0123456789\r\nopenai-processing-ms: 12\r\n"
	if !a.Stream() {
		body := a.Pieces[0]
		whole := fmt.Appendf(nil, "%scontent-type: %s\r\ncontent-length: %d\r\n\r\n", head, a.Type, len(body))
		return response{writes: [][]byte{append(whole, body...)}}
	}
	r := response{pause: a.Pause}
	start := []byte(head + "content-type: " + a.Type + "\r\ntransfer-encoding: chunked\r\n\r\n")
	for i, p := range a.Pieces {
		w := fmt.Appendf(start, "%x\r\n%s\r\n", len(p), p)
		if i == len(a.Pieces)-1 {
			w = append(w, "0\r\n\r\n"...)
		}
		r.writes, start = append(r.writes, w), nil
	}
	return r
}

func (u *upstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return // closed
		}
		go u.serve(conn)
	}
}

// serve answers one connection until either side ends it.
func (u *upstream) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		name, length, err := readRequest(in)
		if err != nil {
			return
		}
		if _, err := in.Discard(length); err != nil {
			return
		}
		r, ok := u.answers[name]
		if !ok {
			_, _ = conn.Write([]byte("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"))
			continue
		}
		u.served.Add(1)
		for i, w := range r.writes {
			if i > 0 && r.pause > 0 {
				time.Sleep(r.pause)
			}
			if _, err := conn.Write(w); err != nil {
				return
			}
		}
	}
}

// readRequest reads a request's head and returns the answer it asks for and the
// length of its body.
func readRequest(in *bufio.Reader) (answer string, length int, err error) {
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return answer, length, nil
		}
		if first {
			continue
		}
		switch name, value := field(line); name {
		case headerAnswer:
			answer = value
		case "content-length":
			if length, err = strconv.Atoi(value); err != nil {
				return "", 0, err
			}
		case "transfer-encoding":
			return "", 0, errors.New("request body without content-length")
		}
	}
}

// field splits a header line. Envoy writes names in lower case.
func field(line []byte) (name, value string) {
	n, v, _ := bytes.Cut(line, []byte(":"))
	return string(n), string(bytes.TrimSpace(v))
}
