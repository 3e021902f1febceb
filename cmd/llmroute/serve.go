package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"llmroute/internal/fakellm"
)

type serveCommand struct{ sidecarFlags }

func (c *serveCommand) Run(w *world) error {
	s, err := c.start(w)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "llmroute serves %s; Envoy asks at %s, status at http://%s/\n",
		s.found.from, grpcAddress(s.grpc), s.admin.Addr())
	if s.fake != nil {
		fmt.Fprintf(w.stdout, "the embedded provider is at http://%s/\n", s.fake.Addr())
	}
	select {
	case <-w.ctx.Done():
		fmt.Fprintln(w.stdout, "stopping; requests may finish; again to stop at once")
	case <-s.ctx.Done(): // a part has failed; stop says which
	}
	return s.stop()
}

// grpcAddress spells a listener's address as the --grpc flag does.
func grpcAddress(l net.Listener) string {
	if u, ok := l.(*unixListener); ok {
		return "unix:" + u.path
	}
	return l.Addr().String()
}

type fakeCommand struct {
	Listen string `arg:"" optional:"" default:"${fake}" help:"Where it listens (default: ${default})."`
}

// Help lists the faults that can be asked for.
func (c *fakeCommand) Help() string {
	var b strings.Builder
	b.WriteString("It answers any model, the same question always alike. After \"+\" a model's name may ask for faults, as in fake-small+503 or fake-small+slow1s+cut3; where the provider is called directly, the header x-fake-fault may.\n\n")
	for _, f := range fakellm.Faults() {
		fmt.Fprintf(&b, "  %-16s %s\n", f.Name, f.Meaning)
	}
	return b.String()
}

func (c *fakeCommand) Run(w *world) error {
	l, err := listen("embedded provider", c.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "the embedded provider is at http://%s/\n", l.Addr())
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	return fakellm.Serve(ctx, l, fakellm.New(fakellm.Options{}))
}
