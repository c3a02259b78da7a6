import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { END_OF_TEXT, type Token, toPercent, toSpoken, toVisible } from '../run/token.js';

/** A token, and what could have come in its place. */
export interface AlternativesProps {
  readonly token: Token;
  /** The element that shows the token. */
  readonly anchor: HTMLElement;
  /** Whether the keyboard is in the list. */
  readonly hasFocus: boolean;
  readonly onTake: (name: string) => void;
  /** The keyboard leaves the list. */
  readonly onLeave: () => void;
}

/** Shows how probable a token was, and what else could have come; a click takes one of these. */
export function Alternatives({ token, anchor, hasFocus, onTake, onLeave }: AlternativesProps) {
  const card = useRef<HTMLFieldSetElement>(null);
  const [place, setPlace] = useState({ left: '0px', top: '0px' });

  useLayoutEffect(() => {
    if (card.current) setPlace(toPlace(card.current, anchor));
  }, [anchor]);
  useLayoutEffect(() => {
    if (hasFocus) card.current?.querySelector<HTMLElement>('button:not(:disabled)')?.focus();
  }, [hasFocus]);

  const moveFocus = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (event.key === 'Escape') onLeave();
    else if (step === undefined) return;
    else focusNext(card.current, step);
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <fieldset
      ref={card}
      class="alternatives"
      style={place}
      aria-label={`In place of ${toSpoken(token.name)}`}
      onKeyDown={moveFocus}
    >
      <p>
        <TokenName name={token.name} />
        <span>
          {token.isTaken && 'taken by you, '}
          {toPercent(token.logprob)}
        </span>
      </p>
      <ul>
        {token.alternatives.map(({ name, logprob }) => (
          <li key={name}>
            <button type="button" disabled={!canTake(token, name)} onClick={() => onTake(name)}>
              <span class="bar" style={{ width: `${Math.exp(logprob) * 100}%` }} />
              <TokenName name={name} />
              <span class="percent">{toPercent(logprob)}</span>
            </button>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

/** A token's name: for the eye with its spaces, for the ear without. */
function TokenName({ name }: { readonly name: string }) {
  return (
    <span>
      <code aria-hidden="true">{toVisible(name)}</code>
      <span class="visually-hidden">{toSpoken(name)} </span>
    </span>
  );
}

// A text can't be continued within a character.
function canTake({ name: own, isReplaceable }: Token, name: string): boolean {
  return isReplaceable && name !== own && (name === END_OF_TEXT || !name.startsWith('bytes:'));
}

/** How far the card is from its token, in pixels. */
const GAP = 4;

/** Puts the card below the token's first line, or above it where only there is room, within the text's width. */
function toPlace(card: HTMLElement, anchor: HTMLElement) {
  const area = card.offsetParent?.getBoundingClientRect() ?? card.getBoundingClientRect();
  const line = anchor.getClientRects()[0] ?? anchor.getBoundingClientRect();
  const left = Math.max(0, Math.min(line.left - area.left, area.width - card.offsetWidth));
  const above = line.top - GAP - card.offsetHeight;
  const hasRoomBelow = line.bottom + GAP + card.offsetHeight <= innerHeight;
  const top = hasRoomBelow || above < 0 ? line.bottom + GAP : above;
  return { left: `${left}px`, top: `${top - area.top}px` };
}

function focusNext(card: HTMLElement | null, step: number): void {
  const buttons = [...(card?.querySelectorAll<HTMLElement>('button:not(:disabled)') ?? [])];
  const current = buttons.indexOf(document.activeElement as HTMLElement);
  buttons.at((current + step) % buttons.length)?.focus();
}
