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
        const space = /^ (?=\S)/.exec(token.text)?.[0] ?? '';
        return (
          <Fragment key={index}>
            {space}
            {/* biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the active one. */}
            <span
              id={`${id}-${index}`}
              data-index={index}
              role="option"
              aria-selected={index === active}
              aria-label={isEnd || token.text.trim() === '' ? toSpoken(token.name) : undefined}
              class={`token step-${toStep(token.logprob)}${token.isTaken ? ' taken' : ''}${isEnd ? ' end' : ''}`}
            >
              {isEnd ? '' : token.text.slice(space.length)}
            </span>
          </Fragment>
        );
      })}
    </>
  );
});
