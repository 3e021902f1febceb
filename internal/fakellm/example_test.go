package fakellm_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"llmroute/internal/fakellm"
)

// A provider that answers without a pause, for as long as a context lives.
func ExampleServe() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- fakellm.Serve(ctx, l, fakellm.New(fakellm.Options{Delay: -1})) }()

	resp, err := http.Get("http://" + l.Addr().String() + "/v1/models/fake-small")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	fmt.Println(string(body), err)

	stop()
	fmt.Println(<-ended)
	// Output:
	// {"id":"fake-small","object":"model","created":1750000000,"owned_by":"fakellm"} <nil>
	// <nil>
}
