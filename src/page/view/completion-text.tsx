import { useLayoutEffect, useRef } from 'preact/hooks';
import { isRunning, numTokensOf, type Run } from '../run/run.js';
import { type Token, toPercent, toSpoken } from '../run/token.js';
import { tokenAt, toParts } from '../run/token-blocks.js';
import { Alternatives } from './alternatives.js';
import { TokenBlock } from './token-block.js';
import { indexOf, usePointedToken } from './use-pointed-token.js';

/** A run's text, and what can be done in it. */
export interface CompletionTextProps {
  /** Begins the ids of the elements. */
  readonly id: string;
  readonly run: Run;
  /** Another token takes a place. */
  readonly onTake: (index: number, name: string) => void;
}

const MOVES: Readonly<Record<string, (index: number, last: number) => number>> = {
  ArrowRight: (index) => index + 1,
  ArrowLeft: (index) => index - 1,
  Home: () => 0,
  End: (_index, last) => last,
};

/** Shows the end of the prompt and the completion, token by token, each with its alternatives. */
export function CompletionText({ id, run, onTake }: CompletionTextProps) {
  const list = useRef<HTMLDivElement>(null);
  const { area, pointed, point, over, leave } = usePointedToken();
  const last = numTokensOf(run) - 1;
  const index = pointed && pointed.index <= last ? pointed.index : undefined;
  const token = index === undefined ? undefined : tokenAt(run.blocks, index);
  const anchor = index === undefined ? null : document.getElementById(`${id}-${index}`);
  useLayoutEffect(() => {
    if (pointed?.by === 'keys') anchor?.scrollIntoView({ block: 'nearest' });
  }, [anchor]);

  const onKeyDown = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (move) point({ index: clamp(move(index ?? -1, last), last), by: 'keys' });
    else if (['Enter', ' ', 'ArrowDown'].includes(event.key)) point({ index: index ?? 0, by: 'list' });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what the pointer does here, the list does with the keys.
    <div ref={area} class="text" onMouseMove={({ target }) => over(target)} onMouseLeave={leave}>
      <div class={`written${isRunning(run) ? ' growing' : ''}`}>
        {run.phase === 'idle' && (
          <p class="prompt-end">
            What follows the prompt appears here, each token coloured by how probable it was. Point at a
            token, or tap it, to see what else could have come.
          </p>
        )}
        <span class="prompt-end">{endOf(run.prompt)}</span>
        {last >= 0 && (
          <div
            ref={list}
            class="tokens"
            role="listbox"
            tabIndex={0}
            aria-label="Completion, token by token"
            aria-orientation="horizontal"
            aria-activedescendant={index === undefined ? undefined : `${id}-${index}`}
            onKeyDown={onKeyDown}
            onClick={({ target }) => {
              const clicked = indexOf(target);
              const isPinned = clicked === index && pointed?.by === 'pinned';
              if (clicked !== undefined) point(isPinned ? null : { index: clicked, by: 'pinned' });
            }}
            onBlur={() => pointed?.by === 'keys' && point(null)}
          >
            {toParts(run.blocks).map((blocks) => (
              <div key={blocks[0]?.first} class="part">
                {blocks.map(({ first, tokens }) => (
                  <TokenBlock
                    key={first}
                    {...{ tokens, first, id }}
                    active={isWithin(index, first, tokens) ? index : undefined}
                  />
                ))}
              </div>
            ))}
          </div>
        )}
      </div>
      <p class="visually-hidden" role="status">
        {token && pointed?.by === 'keys' && `${toSpoken(token.name)}, ${toPercent(token.logprob)}`}
      </p>
      {token && anchor && index !== undefined && (
        <Alternatives
          key={index}
          token={token}
          anchor={anchor}
          hasFocus={pointed?.by === 'list'}
          onTake={(name) => {
            point(null);
            list.current?.focus();
            onTake(index, name);
          }}
          onLeave={() => {
            point({ index, by: 'keys' });
            list.current?.focus();
          }}
        />
      )}
    </div>
  );
}

/** How much of a long prompt is repeated before its completion. */
const PROMPT_END = 160;

function endOf(prompt: string): string {
  return prompt.length <= PROMPT_END ? prompt : `… ${prompt.slice(-PROMPT_END).replace(/^\S*\s/, '')}`;
}

function isWithin(index: number | undefined, first: number, tokens: readonly Token[]): boolean {
  return index !== undefined && index >= first && index < first + tokens.length;
}

function clamp(index: number, last: number): number {
  return Math.max(0, Math.min(last, index));
}
