package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	linnetv1 "example.com/linnet-client/gen/linnet/v1"
)

// complete writes a completion to standard output as it comes.
func complete(ctx context.Context, client linnetv1.CompletionClient, opts options) error {
	ctx, cancelCall := context.WithCancel(ctx)
	defer cancelCall()

	cancelKey := rand.Text()
	stream, err := client.Generate(ctx, &linnetv1.GenerateRequest{
		Input:     &linnetv1.GenerateRequest_Prompt{Prompt: opts.prompt},
		MaxTokens: proto.Uint32(uint32(opts.maxTokens)),
		// A nil pointer leaves the field unset, and the service's default in force; 0 would be greedy.
		Temperature: opts.temperature,
		CancelKey:   proto.String(cancelKey),
	})
	if err != nil {
		return err
	}

	// cancel ends the generation within one step of the engine. Recv then fails with Canceled.
	cancel := func() {
		if opts.cancelBy != "key" || !cancelByKey(ctx, client, cancelKey) {
			cancelCall()
		}
	}

	tokens, cancelled := 0, false
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch event := response.Event.(type) {
		case *linnetv1.GenerateResponse_Delta:
			fmt.Print(event.Delta.Text)
			tokens += len(event.Delta.TokenIds)
		case *linnetv1.GenerateResponse_Finished:
			fmt.Fprintf(os.Stderr, "\n%s: %d tokens\n", event.Finished.FinishReason, event.Finished.Usage.CompletionTokens)
		}
		if opts.cancelAfter > 0 && tokens >= opts.cancelAfter && !cancelled {
			cancelled = true
			cancel()
		}
	}
}

// cancelByKey cancels without resetting the call's stream, and tells whether there was anything to cancel. It is for
// connections that carry many callers: servers close a connection on which too many streams are reset.
func cancelByKey(ctx context.Context, client linnetv1.CompletionClient, key string) bool {
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	response, err := client.Cancel(ctx, &linnetv1.CancelRequest{CancelKey: key})
	return err == nil && response.CancelledRequests > 0
}
