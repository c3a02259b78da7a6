import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { ERROR_CATALOGUE, ERROR_DOMAIN, type ErrorReason, isErrorReason } from './error-catalogue.js';
import { BadRequest, ErrorInfo, QuotaFailure, RetryInfo } from './gen/google/rpc/error_details.js';
import { Status } from './gen/google/rpc/status.js';

/** A failure with everything that the wire says about it. */
export interface RichStatus {
  readonly reason: ErrorReason;
  /** For people; everything dynamic in it is in `metadata` too. */
  readonly message: string;
  /** The request field at fault, in the proto's spelling. */
  readonly field?: string | undefined;
  /** `ErrorInfo.metadata`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Whose quota is used up, as `QuotaFailure` names it: `key:alice`. */
  readonly quotaSubject?: string | undefined;
  /** `RetryInfo.retry_delay` in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

const DETAILS_KEY = 'grpc-status-details-bin';
const TYPE_PREFIX = 'type.googleapis.com/google.rpc.';

/** Makes the gRPC status of a failure, its `google.rpc.Status` in the trailers. */
export function encodeRichStatus(rich: RichStatus): StatusObject {
  const { code } = ERROR_CATALOGUE[rich.reason];
  const details = [any('ErrorInfo', ErrorInfo.encode(errorInfo(rich)).finish())];
  if (rich.field !== undefined) {
    const violation = {
      field: rich.field,
      description: rich.message,
      reason: rich.reason,
      localizedMessage: undefined,
    };
    details.push(any('BadRequest', BadRequest.encode({ fieldViolations: [violation] }).finish()));
  }
  if (rich.quotaSubject !== undefined) {
    const unused = { apiService: '', quotaMetric: '', quotaId: '', quotaDimensions: {}, quotaValue: 0n };
    const violation = { ...unused, subject: rich.quotaSubject, description: rich.message };
    details.push(any('QuotaFailure', QuotaFailure.encode({ violations: [violation] }).finish()));
  }
  if (rich.retryAfterMs !== undefined) {
    details.push(any('RetryInfo', RetryInfo.encode({ retryDelay: duration(rich.retryAfterMs) }).finish()));
  }
  const metadata = new Metadata();
  const status = Status.encode({ code, message: rich.message, details }).finish();
  metadata.set(DETAILS_KEY, Buffer.from(status));
  return { code, details: rich.message, metadata };
}

/**
 * Reads a failure back from a gRPC status. Undefined where it carries no details of Linnet's: it then comes from the
 * transport or from a proxy, and only its code means something.
 */
export function decodeRichStatus(status: { details: string; metadata: Metadata }): RichStatus | undefined {
  const [bytes] = status.metadata.get(DETAILS_KEY);
  if (!Buffer.isBuffer(bytes)) return undefined;
  const details = Status.decode(bytes).details;
  const find = (name: string) => details.find((detail) => detail.typeUrl === TYPE_PREFIX + name)?.value;
  const info = find('ErrorInfo');
  if (info === undefined) return undefined;
  const { reason, domain, metadata } = ErrorInfo.decode(info);
  if (domain !== ERROR_DOMAIN || !isErrorReason(reason)) return undefined;
  const badRequest = find('BadRequest');
  const quotaFailure = find('QuotaFailure');
  const retryInfo = find('RetryInfo');
  const delay = retryInfo && RetryInfo.decode(retryInfo).retryDelay;
  return {
    reason,
    message: status.details,
    metadata,
    field: badRequest && BadRequest.decode(badRequest).fieldViolations[0]?.field,
    quotaSubject: quotaFailure && QuotaFailure.decode(quotaFailure).violations[0]?.subject,
    retryAfterMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}

function errorInfo(rich: RichStatus): ErrorInfo {
  return { reason: rich.reason, domain: ERROR_DOMAIN, metadata: { ...rich.metadata } };
}

function any(name: string, value: Uint8Array) {
  return { typeUrl: TYPE_PREFIX + name, value: Buffer.from(value) };
}

function duration(ms: number) {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
