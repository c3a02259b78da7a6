import { Fragment } from 'preact';
import { memo } from 'preact/compat';
import { END_OF_TEXT, type Token, toSpoken, toStep } from '../run/token.js';

/** Some tokens that follow each other. */
export interface TokenBlockProps {
  readonly tokens: readonly Token[];
  /** The index of the first one. */
  readonly first: number;
  /** Begins the ids of the elements. */
  readonly id: string;
  /** The index of the token that is looked at, where it is one of these. */
  readonly active: number | undefined;
}

/** Draws some tokens; again only where one of its properties is another one. */
export const TokenBlock = memo(function TokenBlock({ tokens, first, id, active }: TokenBlockProps) {
  return (
    <>
      {tokens.map((token, offset) => {
        const index = first + offset;
        // A space is no part of what is coloured: at the end of a line it would be all that is seen there.
        const isEnd = token.name === END_OF_TEXT;
        const isBlank = !isEnd && token.text.trim() === '';
        const isBreak = isBlank && token.text.includes('\n');
        const space = /^ (?=\S)/.exec(token.text)?.[0] ?? '';
        const names = ['token', `step-${toStep(token.logprob)}`];
        if (token.isTaken) names.push('taken');
        if (isEnd) names.push('end');
        if (isBreak) names.push('break');
        return (
          <Fragment key={index}>
            {space}
            {/* biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the active one. */}
            <span
              id={`${id}-${index}`}
              data-index={index}
              role="option"
              aria-selected={index === active}
              aria-label={isEnd || isBlank ? toSpoken(token.name) : undefined}
              class={names.join(' ')}
            >
              {isEnd ? '' : token.text.slice(space.length)}
            </span>
          </Fragment>
        );
      })}
    </>
  );
});
