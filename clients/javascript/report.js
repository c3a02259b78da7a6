// Reads what a failed call carries beside its code: google.rpc.Status with typed details.
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const THIRD_PARTY = fileURLToPath(new URL('../../proto/third_party/', import.meta.url));

const types = loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'], {
  includeDirs: [THIRD_PARTY],
  defaults: true,
  longs: Number,
});

/** Tells a failure in lines. One that comes from the transport or from a proxy has no details. */
export function report(error) {
  if (error.metadata === undefined) throw error; // no failure of a call
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const details = bytes === undefined ? [] : decode('google.rpc.Status', bytes).details;
  const lines = details.flatMap(describe).map((line) => `\n  ${line}`);
  return `${status[error.code]}: ${error.details}${lines.join('')}`;
}

function describe({ type_url: typeUrl, value }) {
  const type = typeUrl.replace(/^.*\//, '');
  if (!(type in types)) return [];
  const detail = decode(type, value);
  switch (type) {
    case 'google.rpc.ErrorInfo':
      // Programs decide by the reason; messages are for people and may change.
      return [`reason: ${detail.reason}`, ...entries(detail.metadata)];
    case 'google.rpc.BadRequest':
      return detail.fieldViolations.map(({ field, description }) => `field ${field}: ${description}`);
    case 'google.rpc.RetryInfo': {
      const { seconds, nanos } = detail.retryDelay;
      return [`retry after: ${seconds + nanos / 1e9} s`];
    }
    case 'google.rpc.QuotaFailure':
      return detail.violations.map(({ subject, description }) => `quota ${subject}: ${description}`);
    default:
      return [];
  }
}

function decode(type, bytes) {
  return types[type].deserialize(bytes);
}

function entries(map) {
  return Object.entries(map).map(([name, value]) => `${name}: ${value}`);
}
