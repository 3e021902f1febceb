// Command noop is an external processor that does nothing: it sends every
// request to one cluster and lets every message pass. It is the floor that our
// own processor is measured against, so it does what any processor must, with
// generated code and with replies that are made once, and no more.
//
// It asks for the same body modes as llmroute: event streams as they come, all
// other replies whole.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
)

// maxMessage is the sidecar's own bound on a gRPC message.
const maxMessage = 80 << 20

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "host:port or unix:PATH to listen on; port 0 is chosen and printed")
	cluster := flag.String("cluster", "upstream", "cluster that every request goes to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *cluster); err != nil {
		fmt.Fprintln(os.Stderr, "noop:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It prints where it listens, so that a driver that
// asked for port 0 can read it.
func run(ctx context.Context, listen, cluster string) error {
	network, address := "tcp", listen
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		network, address = "unix", path
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	s := newServer(cluster)
	defer context.AfterFunc(ctx, s.Stop)()
	return s.Serve(l)
}

func newServer(cluster string) *grpc.Server {
	s := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage), grpc.MaxConcurrentStreams(1<<20))
	extprocv3.RegisterExternalProcessorServer(s, newProcessor(cluster))
	return s
}
