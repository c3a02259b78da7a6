"""How to reach the service: in plaintext, over TLS, with a certificate of one's own, with an API key."""

import argparse
import os
from pathlib import Path

import grpc


def add_channel_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", default="localhost:50051", metavar="HOST:PORT", help="default localhost:50051")
    parser.add_argument("--tls", action="store_true", help="trust the authorities that gRPC comes with")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="trust this authority (PEM); implies --tls")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="the client's certificate (PEM), for mTLS")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the certificate's private key (PEM)")
    parser.add_argument("--api-key", default=os.environ.get("LINNET_API_KEY"), help="default: LINNET_API_KEY")


def open_channel(options: argparse.Namespace) -> grpc.Channel:
    if not (options.tls or options.ca):
        return grpc.insecure_channel(options.address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read(options.ca),
        private_key=read(options.key),
        certificate_chain=read(options.cert),
    )
    return grpc.secure_channel(options.address, credentials)


def api_key_metadata(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The metadata that every call carries. An API key is a secret: use TLS beyond the local machine."""
    return [("authorization", f"Bearer {options.api_key}")] if options.api_key else []


def read(file: Path | None) -> bytes | None:
    return file.read_bytes() if file else None
