import type { ServiceFailure } from '../api/service-failure.js';

/** What went wrong, and what can be done about it. */
export interface FailureNoticeProps {
  readonly failure: ServiceFailure;
  /** Whether anything came before it failed. */
  readonly hasText: boolean;
  readonly onRetry: () => void;
  readonly onGoOn: () => void;
  /** Asks for so many tokens instead. */
  readonly onFewer: (maxTokens: number) => void;
}

/** Tells of a failure, with the way out of it. */
export function FailureNotice({ failure, hasText, onRetry, onGoOn, onFewer }: FailureNoticeProps) {
  const { retryAfterMs, maxTokensLeft = 0, status } = failure.details;
  return (
    <div class="failure" role="alert">
      <p>{failure.message}</p>
      {retryAfterMs !== undefined && (
        <p>The service asks to wait {Math.max(1, Math.ceil(retryAfterMs / 1000))} s.</p>
      )}
      {status === 401 && <p>Enter the API key at the top of the page, then try again.</p>}
      <p class="actions">
        {maxTokensLeft > 0 && (
          <button type="button" onClick={() => onFewer(maxTokensLeft)}>
            Ask for {maxTokensLeft} tokens
          </button>
        )}
        {hasText && failure.kind === 'broken' && (
          <button type="button" onClick={onGoOn}>
            Go on from here
          </button>
        )}
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      </p>
    </div>
  );
}
