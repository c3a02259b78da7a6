import { useRef } from 'preact/hooks';
import { isRunning, numTokensLeft, numTokensOf, withAlternative } from '../run/run.js';
import { type Settings, toRequest } from '../run/settings.js';
import { END_OF_TEXT } from '../run/token.js';
import { type TokenBlocks, takeTokens, toText } from '../run/token-blocks.js';
import type { RunControl } from '../run/use-run.js';
import { CompletionText } from './completion-text.js';
import { FailureNotice } from './failure-notice.js';
import { RunNumbers } from './run-numbers.js';
import { SettingsPanel } from './settings-panel.js';
import { SnippetTabs } from './snippet-tabs.js';
import { useFollow } from './use-follow.js';

/** One completion with its settings. */
export interface PaneProps {
  /** Begins the ids of the elements. */
  readonly id: string;
  readonly title: string;
  readonly control: RunControl;
  readonly settings: Settings;
  readonly onSettings: (settings: Settings) => void;
  /** What is written next: the prompt, the model, and the key to ask with. */
  readonly prompt: string;
  readonly model: string;
  readonly apiKey: string;
  readonly contextLength: number | undefined;
  readonly grpcAddress: string;
}

/** Shows a completion, its settings, how fast it is, and the request for elsewhere. */
export function Pane(props: PaneProps) {
  const { id, title, control, settings, prompt, model, apiKey } = props;
  const { run } = control;
  const end = useRef<HTMLDivElement>(null);
  useFollow(end, isRunning(run));
  const goOn = (kept: TokenBlocks, most = settings.max_tokens) => {
    const max_tokens = Math.min(settings.max_tokens, most);
    const request = toRequest({ ...settings, max_tokens }, { prompt: run.prompt + toText(kept), model });
    control.start({ request, prompt: run.prompt, kept, key: apiKey });
  };
  const take = (index: number, name: string) => {
    if (name === END_OF_TEXT) return control.finish(run.prompt, takeTokens(run.blocks, index));
    goOn(withAlternative(run, index, name));
  };
  const left = numTokensLeft(run, props.contextLength);
  const canGoOn = !isRunning(run) && numTokensOf(run) > 0 && run.phase !== 'failed';

  return (
    <section class="pane" aria-label={title}>
      <SettingsPanel
        {...{ id, settings }}
        onSettings={props.onSettings}
        contextLength={props.contextLength}
      />
      <div class="sheet">
        <CompletionText id={id} run={run} onTake={take} />
        {run.failure && (
          <FailureNotice
            failure={run.failure}
            hasText={numTokensOf(run) > 0}
            onRetry={() => control.again({ key: apiKey })}
            onGoOn={() => goOn(run.blocks)}
            onFewer={(maxTokens) => control.again({ key: apiKey, maxTokens })}
          />
        )}
        <div ref={end} class="sheet-end">
          <RunNumbers run={run} />
          {canGoOn && left === 0 && <span class="hint">The context is full</span>}
          {canGoOn && left !== 0 && (
            <button type="button" class="quiet" onClick={() => goOn(run.blocks, left)}>
              Go on
            </button>
          )}
        </div>
      </div>
      <SnippetTabs
        id={id}
        source={{
          request: toRequest(settings, { prompt, model }),
          url: new URL('.', document.baseURI).href.replace(/\/$/, ''),
          grpcAddress: props.grpcAddress,
          hasKey: apiKey !== '',
        }}
      />
    </section>
  );
}
