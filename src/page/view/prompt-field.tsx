import { useLayoutEffect, useRef } from 'preact/hooks';

/** The prompt, and what is done with it. */
export interface PromptFieldProps {
  readonly prompt: string;
  readonly onPrompt: (prompt: string) => void;
  readonly onWrite: () => void;
}

/** Takes the prompt; grows with it. Ctrl or Cmd with Enter writes. */
export function PromptField({ prompt, onPrompt, onWrite }: PromptFieldProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const { current } = area;
    if (current === null) return;
    current.style.height = 'auto';
    current.style.height = `${current.scrollHeight}px`;
  }, [prompt]);

  return (
    <label class="prompt">
      <span>Prompt</span>
      <textarea
        ref={area}
        rows={2}
        value={prompt}
        placeholder="Empty: the beginning of a new text"
        onInput={({ currentTarget }) => onPrompt(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          onWrite();
        }}
      />
    </label>
  );
}
