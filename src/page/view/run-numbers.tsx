import { isRunning, numTokensOf, type Run, toFirstTokenMs, toTokensPerSecond } from '../run/run.js';

/** How fast a run is, as it goes, and how it ended. */
export function RunNumbers({ run }: { readonly run: Run }) {
  const firstTokenMs = toFirstTokenMs(run.times);
  const tokensPerSecond = toTokensPerSecond(run.times);
  return (
    <div class="numbers">
      <p class="status" role="status">
        {describe(run)}
      </p>
      <dl>
        <div>
          <dt>Tokens</dt>
          <dd>{numTokensOf(run)}</dd>
        </div>
        <div>
          <dt>First token</dt>
          <dd>{firstTokenMs === null ? '–' : `${Math.round(firstTokenMs)} ms`}</dd>
        </div>
        <div>
          <dt>Speed</dt>
          <dd>{tokensPerSecond === null ? '–' : `${tokensPerSecond.toFixed(0)} tokens/s`}</dd>
        </div>
        {run.usage && run.usage.cachedTokens > 0 && (
          <div>
            <dt>Prompt</dt>
            <dd>
              {run.usage.cachedTokens} of {run.usage.promptTokens} tokens cached
            </dd>
          </div>
        )}
      </dl>
    </div>
  );
}

// Said aloud where somebody listens, so it changes with the phase alone.
function describe(run: Run): string {
  if (isRunning(run)) return run.phase === 'waiting' ? 'Waiting for the first token' : 'Writing';
  if (run.phase === 'stopped') return 'Stopped';
  if (run.phase === 'failed') return 'Failed';
  if (run.phase === 'idle') return 'Ready';
  return run.finishReason === 'stop' ? 'The text has ended' : 'Length reached';
}
