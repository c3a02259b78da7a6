package com.example.linnet;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.List;

/** Reads what a failed call carries beside its code: google.rpc.Status with typed details. */
final class FailureReport {
  private final List<String> lines = new ArrayList<>();

  /** Tells a failure in lines. One that comes from the transport or from a proxy has no details. */
  static String of(StatusRuntimeException failure) throws InvalidProtocolBufferException {
    FailureReport report = new FailureReport();
    report.lines.add(failure.getStatus().getCode() + ": " + failure.getStatus().getDescription());
    for (Any detail : StatusProto.fromThrowable(failure).getDetailsList()) report.add(detail);
    return String.join("\n  ", report.lines);
  }

  private void add(Any detail) throws InvalidProtocolBufferException {
    if (detail.is(ErrorInfo.class)) {
      ErrorInfo info = detail.unpack(ErrorInfo.class);
      // Programs decide by the reason; messages are for people and may change.
      lines.add("reason: " + info.getReason());
      info.getMetadataMap().forEach((name, value) -> lines.add(name + ": " + value));
    } else if (detail.is(BadRequest.class)) {
      for (BadRequest.FieldViolation violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
        lines.add("field " + violation.getField() + ": " + violation.getDescription());
      }
    } else if (detail.is(RetryInfo.class)) {
      Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
      lines.add("retry after: " + (delay.getSeconds() + delay.getNanos() / 1e9) + " s");
    } else if (detail.is(QuotaFailure.class)) {
      for (QuotaFailure.Violation violation : detail.unpack(QuotaFailure.class).getViolationsList()) {
        lines.add("quota " + violation.getSubject() + ": " + violation.getDescription());
      }
    }
  }
}
