package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"llmroute/bench/workload"
)

// client is one keep-alive connection to an Envoy. It understands the replies
// of this benchmark and no others.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

// exchange is what one request took.
type exchange struct {
	whole time.Duration // to the last byte
	first time.Duration // to the first byte of the body
	bytes int           // of the body
}

func dial(address string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// request lays out the request of a case.
func request(c *workload.Case) []byte {
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nhost: gateway.test\r\ncontent-type: application/json\r\naccept: application/json\r\n"+
		"user-agent: OpenAI/Python 2.0.0\r\nauthorization: Bearer sk-client-0123456789\r\nx-stainless-lang: python\r\nx-stainless-os: Linux\r\n"+
		"x-stainless-runtime: CPython\r\n%s: %s\r\ncontent-length: %d\r\n\r\n", workload.Path, headerAnswer, c.Answer.Name, len(c.Body))
	return append(head, c.Body...)
}

// do sends a request and reads its reply to the end. body gets the reply's body
// unless it is nil. Any status but 200 is an error.
func (c *client) do(request []byte, body io.Writer) (exchange, error) {
	start := time.Now()
	if _, err := c.conn.Write(request); err != nil {
		return exchange{}, err
	}
	status, err := c.in.ReadSlice('\n')
	if err != nil {
		return exchange{}, err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return exchange{}, fmt.Errorf("reply %q", bytes.TrimSpace(status))
	}
	length, err := c.head()
	if err != nil {
		return exchange{}, err
	}
	r := reader{in: c.in, out: body, start: start}
	if length < 0 {
		err = r.chunks()
	} else {
		err = r.copy(length)
	}
	return exchange{whole: time.Since(start), first: r.first, bytes: r.n}, err
}

// head reads the reply's headers and returns the length of its body, or -1 when
// that comes in chunks.
func (c *client) head() (length int, err error) {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			return length, nil
		}
		switch {
		case bytes.HasPrefix(line, []byte("content-length:")):
			_, value := field(line)
			if length, err = strconv.Atoi(value); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(line, []byte("transfer-encoding:")):
			length = -1
		}
	}
}

// reader takes in one body.
type reader struct {
	in    *bufio.Reader
	out   io.Writer
	start time.Time
	first time.Duration
	n     int
}

func (r *reader) chunks() error {
	for {
		line, err := r.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(strings.TrimSpace(string(line)), 16, 31)
		if err != nil {
			return err
		}
		if err := r.copy(int(size)); err != nil {
			return err
		}
		if end, err := r.in.ReadSlice('\n'); err != nil || len(end) != len("\r\n") {
			return errors.Join(errors.New("chunk without an end"), err)
		}
		if size == 0 {
			return nil
		}
	}
}

func (r *reader) copy(n int) error {
	for n > 0 {
		if _, err := r.in.Peek(1); err != nil {
			return err
		}
		if r.n == 0 {
			r.first = time.Since(r.start)
		}
		b, err := r.in.Peek(min(n, r.in.Buffered()))
		if err != nil {
			return err
		}
		if r.out != nil {
			if _, err := r.out.Write(b); err != nil {
				return err
			}
		}
		if _, err := r.in.Discard(len(b)); err != nil {
			return err
		}
		n, r.n = n-len(b), r.n+len(b)
	}
	return nil
}
