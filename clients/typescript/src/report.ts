// Reads what a failed call carries beside its code: google.rpc.Status with typed details.
import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectError } from '@connectrpc/connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from './gen/google/rpc/error_details_pb.js';

/** Tells a failure in lines. One that comes from the transport or from a proxy has no details. */
export function report(error: ConnectError): string {
  const lines = describe(error).map((line) => `\n  ${line}`);
  return `${Code[error.code]}: ${error.rawMessage}${lines.join('')}`;
}

function describe(error: ConnectError): string[] {
  const lines: string[] = [];
  for (const { reason, metadata } of error.findDetails(ErrorInfoSchema)) {
    // Programs decide by the reason; messages are for people and may change.
    lines.push(`reason: ${reason}`);
    for (const [name, value] of Object.entries(metadata)) lines.push(`${name}: ${value}`);
  }
  for (const { fieldViolations } of error.findDetails(BadRequestSchema)) {
    for (const { field, description } of fieldViolations) lines.push(`field ${field}: ${description}`);
  }
  for (const { retryDelay } of error.findDetails(RetryInfoSchema)) {
    if (retryDelay !== undefined) lines.push(`retry after: ${durationMs(retryDelay) / 1000} s`);
  }
  for (const { violations } of error.findDetails(QuotaFailureSchema)) {
    for (const { subject, description } of violations) lines.push(`quota ${subject}: ${description}`);
  }
  return lines;
}
