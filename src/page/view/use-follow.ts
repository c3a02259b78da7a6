import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/**
 * Keeps the end of what grows in view for as long as it is there; whoever scrolls up stays where they are.
 *
 * @param end stands at the end.
 * @param isGrowing Whether to look at all.
 */
export function useFollow(end: RefObject<HTMLElement | null>, isGrowing: boolean): void {
  const isFollowing = useRef(false);
  useEffect(() => {
    if (!isGrowing) return undefined;
    // Scroll events come before the frame in which the text grows: what is out of view then, somebody scrolled away.
    const look = () => {
      isFollowing.current = beyondView(end.current) <= 1;
    };
    look();
    addEventListener('scroll', look, { passive: true });
    return () => removeEventListener('scroll', look);
  }, [isGrowing]);
  useLayoutEffect(() => {
    const distance = isGrowing && isFollowing.current ? beyondView(end.current) : 0;
    if (distance > 0) scrollBy(0, distance);
  });
}

/** Measures how far below the view an element ends, in pixels; not above 0 where it is in view. */
function beyondView(element: HTMLElement | null): number {
  return element === null ? 0 : element.getBoundingClientRect().bottom - innerHeight;
}
