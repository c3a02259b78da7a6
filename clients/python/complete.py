"""Streams a completion from Linnet, with a deadline, a way to cancel, and errors told in full."""

import argparse
import sys
import uuid

import grpc

from channel import add_channel_options, api_key_metadata, open_channel
from error_report import report
from linnet.v1.completion_pb2 import CancelRequest, FinishReason, GenerateRequest
from linnet.v1.completion_pb2_grpc import CompletionStub


def main() -> int:
    options = parse_options()
    with open_channel(options) as channel:
        try:
            complete(CompletionStub(channel), options)
        except grpc.RpcError as error:
            print(f"\n{report(error)}", file=sys.stderr)
            return 1
    return 0


def complete(stub: CompletionStub, options: argparse.Namespace) -> None:
    metadata = api_key_metadata(options)
    cancel_key = str(uuid.uuid4())
    request = GenerateRequest(
        prompt=options.prompt,
        max_tokens=options.max_tokens,
        # None leaves an optional field unset, and the service's default in force; 0 would be greedy.
        temperature=options.temperature,
        cancel_key=cancel_key,
    )
    # The service stops the generation when the deadline passes, wherever the request is by then.
    call = stub.Generate(request, timeout=options.timeout, metadata=metadata)

    def cancel() -> None:
        """Ends the generation within one step of the engine. The loop below then raises CANCELLED."""
        if options.cancel_by == "key":
            # Where one connection carries many callers: servers close a connection on which too many streams are
            # reset, and cancelling a call resets its stream.
            request = CancelRequest(cancel_key=cancel_key)
            if stub.Cancel(request, timeout=5, metadata=metadata).cancelled_requests > 0:
                return
        call.cancel()

    tokens = 0
    cancelled = False
    for response in call:
        event = response.WhichOneof("event")
        if event == "delta":
            print(response.delta.text, end="", flush=True)
            tokens += len(response.delta.token_ids)
        elif event == "finished":
            reason = FinishReason.Name(response.finished.finish_reason)
            print(f"\n{reason}: {response.finished.usage.completion_tokens} tokens", file=sys.stderr)
        if options.cancel_after is not None and tokens >= options.cancel_after and not cancelled:
            cancelled = True
            cancel()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompt", help="what to continue")
    parser.add_argument("--max-tokens", type=int, default=40, metavar="COUNT", help="default 40")
    parser.add_argument("--temperature", type=float, metavar="NUMBER", help="0 is greedy; default 1")
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="the deadline; default 60")
    parser.add_argument("--cancel-after", type=int, metavar="TOKENS", help="cancel once so many have come")
    parser.add_argument("--cancel-by", choices=["call", "key"], default="call", help="default call")
    add_channel_options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
