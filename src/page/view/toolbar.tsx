/** What can be done, and what is shown. */
export interface ToolbarProps {
  readonly isRunning: boolean;
  readonly isComparing: boolean;
  readonly isColored: boolean;
  readonly onWrite: () => void;
  readonly onStop: () => void;
  readonly onComparing: (isComparing: boolean) => void;
  readonly onColored: (isColored: boolean) => void;
}

/** Writes and stops, and chooses what is shown. */
export function Toolbar({ isRunning, isComparing, isColored, ...on }: ToolbarProps) {
  return (
    <div class="toolbar">
      <button type="button" class="write" onClick={on.onWrite}>
        Write
      </button>
      <button type="button" disabled={!isRunning} onClick={on.onStop}>
        Stop
      </button>
      <span class="keys" aria-hidden="true">
        <kbd>Ctrl</kbd> <kbd>↵</kbd> writes, <kbd>Esc</kbd> stops
      </span>
      <span class="choices">
        <label>
          <input
            type="checkbox"
            checked={isComparing}
            onChange={({ currentTarget }) => on.onComparing(currentTarget.checked)}
          />
          Compare
        </label>
        <label>
          <input
            type="checkbox"
            checked={isColored}
            onChange={({ currentTarget }) => on.onColored(currentTarget.checked)}
          />
          Colours
        </label>
      </span>
    </div>
  );
}
