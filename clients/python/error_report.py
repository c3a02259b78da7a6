"""Reads what a failed call carries beside its code: google.rpc.Status with typed details."""

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from grpc_status import rpc_status


def report(error: grpc.RpcError) -> str:
    """Tells a failure in lines. One that comes from the transport or a proxy has no details."""
    lines = [f"{error.code().name}: {error.details()}"]
    for detail in details_of(error):
        lines += [f"  {line}" for line in describe(detail)]
    return "\n".join(lines)


def details_of(error: grpc.RpcError) -> list[Any]:
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # The deadline passed on both sides at once: the message is from here, the details from there.
        return []
    return list(status.details) if status else []


def describe(detail: Any) -> list[str]:
    if detail.Is(ErrorInfo.DESCRIPTOR):
        info = unpack(detail, ErrorInfo())
        # Programs decide by the reason; messages are for people and may change.
        return [f"reason: {info.reason}"] + [f"{name}: {value}" for name, value in info.metadata.items()]
    if detail.Is(BadRequest.DESCRIPTOR):
        bad_request = unpack(detail, BadRequest())
        return [f"field {violation.field}: {violation.description}" for violation in bad_request.field_violations]
    if detail.Is(RetryInfo.DESCRIPTOR):
        delay = unpack(detail, RetryInfo()).retry_delay
        return [f"retry after: {delay.ToMilliseconds() / 1000} s"]
    if detail.Is(QuotaFailure.DESCRIPTOR):
        failure = unpack(detail, QuotaFailure())
        return [f"quota {violation.subject}: {violation.description}" for violation in failure.violations]
    return []


def unpack(detail: Any, message):
    detail.Unpack(message)
    return message
