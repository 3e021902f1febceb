// Command llmroute makes a stock Envoy an LLM gateway: it is the external
// processor that Envoy asks about every request.
//
// This package wires and decides nothing: flags become options of the packages
// that do the work, and their errors become one clear sentence and exit code 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line. Its help texts are the manual.
type commands struct {
	Run     runCommand     `cmd:"" help:"Run the sidecar and an Envoy, and the embedded provider when nothing else is configured."`
	Serve   serveCommand   `cmd:"" help:"Run the sidecar alone, beside an Envoy of your own."`
	Fake    fakeCommand    `cmd:"" help:"Run the embedded provider alone, where the samples expect it."`
	Check   checkCommand   `cmd:"" help:"Say everything that is wrong with the configuration."`
	Explain explainCommand `cmd:"" help:"Say what would become of a request. Nothing is sent."`
	Render  renderCommand  `cmd:"" help:"Write Envoy's configuration for given addresses."`
	Version versionCommand `cmd:"" help:"Say which version this is, and of which Envoy it is made for."`
}

// world is what a command may touch besides files and the network.
type world struct {
	ctx       context.Context // ends when the person wants an end
	stdin     io.Reader
	stdout    io.Writer
	stderr    io.Writer
	lookupEnv func(string) (string, bool)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an orderly end; from then on the next one has its
	// default effect, which is to end at once.
	context.AfterFunc(ctx, stop)
	code := execute(os.Args[1:], &world{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv})
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code.
func execute(args []string, w *world) int {
	exit := -1
	parser, err := kong.New(new(commands),
		kong.Name("llmroute"),
		kong.Description("An LLM gateway: a stock Envoy and this sidecar. Start with \"llmroute run\"."),
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(code int) { exit = code }), // after --help
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		defaults(),
		kong.TypeMapper(bytesType, kong.MapperFunc(decodeBytes)),
		kong.Bind(w),
	)
	if err != nil {
		panic("internal error: the command line does not hold together: " + err.Error())
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err == nil {
		err = command.Run()
	}
	if err != nil {
		if s := errSilent(""); !errors.As(err, &s) {
			fmt.Fprintf(w.stderr, "llmroute: %s\n", strings.TrimSuffix(err.Error(), "\n"))
		}
		return 1
	}
	return 0
}

// errSilent ends a command with exit code 1 when everything was said already.
type errSilent string

func (e errSilent) Error() string { return string(e) }
