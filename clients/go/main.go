// Complete streams a completion from Linnet, with a deadline, a way to cancel, and errors told in full.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	linnetv1 "example.com/linnet-client/gen/linnet/v1"
)

type options struct {
	connection  connectionOptions
	prompt      string
	maxTokens   uint
	temperature *float64
	timeout     time.Duration
	cancelAfter int
	cancelBy    string
}

func main() {
	if err := run(parseOptions()); err != nil {
		fmt.Fprintf(os.Stderr, "\n%s\n", report(err))
		os.Exit(1)
	}
}

func run(opts options) error {
	conn, err := connect(opts.connection)
	if err != nil {
		return err
	}
	defer conn.Close()

	// The service stops the generation when the deadline passes or the context is cancelled, wherever the request is.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, opts.timeout)
	defer cancel()
	return complete(ctx, linnetv1.NewCompletionClient(conn), opts)
}

func parseOptions() options {
	var opts options
	flag.UintVar(&opts.maxTokens, "max-tokens", 40, "the most tokens to generate")
	flag.Func("temperature", "0 is greedy (default 1)", func(text string) error {
		value, err := strconv.ParseFloat(text, 64)
		opts.temperature = &value
		return err
	})
	flag.DurationVar(&opts.timeout, "timeout", time.Minute, "the deadline")
	flag.IntVar(&opts.cancelAfter, "cancel-after", 0, "cancel once so many `tokens` have come; 0 never")
	flag.StringVar(&opts.cancelBy, "cancel-by", "call", "how to cancel: call or key")
	opts.connection.addFlags()
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	opts.prompt = flag.Arg(0)
	return opts
}
