import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Which token is looked at, and how that came. */
export interface Pointed {
  readonly index: number;
  /** `pointer` ends when the pointer leaves; `keys` and `pinned` stay; in `list`, the alternatives have the focus. */
  readonly by: 'pointer' | 'keys' | 'pinned' | 'list';
}

/** How long the pointer may be elsewhere, as on its way to the alternatives. */
const LEAVE_MS = 220;

/** Keeps which token is looked at, for a text that a pointer and the keyboard explore. */
export function usePointedToken() {
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const point = (next: Pointed | null) => {
    clearTimeout(timer.current);
    setPointed(next);
  };
  useEffect(() => () => clearTimeout(timer.current), []);

  // What is shown can be sent away: with Escape, which then stops nothing else, or with a click elsewhere.
  const area = useRef<HTMLDivElement>(null);
  const isPointed = pointed !== null;
  useLayoutEffect(() => {
    if (!isPointed) return undefined;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      point(null);
    };
    const onClick = ({ target }: MouseEvent) => {
      const isWithin = target instanceof Element && target.closest('[data-index], .alternatives') !== null;
      if (!isWithin || !area.current?.contains(target)) point(null);
    };
    document.addEventListener('keydown', onKeyDown);
    document.addEventListener('click', onClick);
    return () => {
      document.removeEventListener('keydown', onKeyDown);
      document.removeEventListener('click', onClick);
    };
  }, [isPointed]);

  return {
    /** Belongs to the element that has the text and what is shown of a token. */
    area,
    pointed,
    point,
    /** The pointer is over an element of the text. */
    over(target: EventTarget | null) {
      clearTimeout(timer.current);
      const index = indexOf(target);
      if (index !== undefined && (pointed === null || pointed.by === 'pointer')) {
        setPointed({ index, by: 'pointer' });
      }
    },
    /** The pointer has left it. */
    leave() {
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setPointed((now) => (now?.by === 'pointer' ? null : now)), LEAVE_MS);
    },
  };
}

/** Tells which token an element shows; undefined where it shows none. */
export function indexOf(target: EventTarget | null): number | undefined {
  const element = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  return element === null ? undefined : Number(element.dataset['index']);
}
