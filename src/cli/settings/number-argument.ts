import { InvalidArgumentError } from 'commander';

const MAX_UINT32 = 2 ** 32 - 1;

/** Reads a number from the command line; its range is the contract's business. */
export function parseNumberArgument(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number.');
}

/** Reads a count from the command line, such as the contract's uint32 holds. */
export function parseCountArgument(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= MAX_UINT32) return value;
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_UINT32}.`);
}

/** Reads a seed from the command line: a signed whole number of 64 bits. */
export function parseSeedArgument(text: string): bigint {
  if (/^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return BigInt(text);
  throw new InvalidArgumentError('It must be a whole number of 64 bits.');
}
