import { useEffect, useRef } from 'preact/hooks';

/** The API key that is in use, and how it is changed. */
export interface KeyFieldProps {
  readonly apiKey: string;
  readonly onApiKey: (key: string) => void;
  readonly needsKey: boolean;
}

/** Takes an API key; opens by itself where the service asks for one. */
export function KeyField({ apiKey, onApiKey, needsKey }: KeyFieldProps) {
  const details = useRef<HTMLDetailsElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!needsKey || details.current === null) return;
    details.current.open = true;
    input.current?.focus();
  }, [needsKey]);

  return (
    <details class="key" ref={details}>
      <summary>{apiKey === '' ? 'Key' : 'Key ✓'}</summary>
      <div class="key-card">
        <label>
          <span>API key</span>
          <input
            ref={input}
            class="secret"
            autocomplete="off"
            spellcheck={false}
            value={apiKey}
            // Not with every letter: with each key the service is asked anew.
            onChange={({ currentTarget }) => onApiKey(currentTarget.value.trim())}
          />
        </label>
        <p>Kept until this tab is closed, and sent to this service alone.</p>
      </div>
    </details>
  );
}
