import { useState } from 'preact/hooks';
import type { Operation } from './openapi.js';
import { useTry } from './use-try.js';

/** Sends a request of an operation to the live service, and shows the answer as it comes. */
export function TryIt({ operation, apiKey }: { readonly operation: Operation; readonly apiKey: string }) {
  const { method, path, parameters, body } = operation;
  const [text, setText] = useState(() => JSON.stringify(body?.example, null, 2));
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const { answer, problem, isRunning, send, stop } = useTry();
  const filledIn = path.replace(/\{(\w+)\}/g, (_all, name) => encodeURIComponent(values[name] ?? ''));

  return (
    <form
      class="try"
      aria-label={`Try ${operation.summary}`}
      onSubmit={(event) => {
        event.preventDefault();
        send({ method, path: filledIn, body: body && text, key: apiKey });
      }}
    >
      {parameters.map((name) => (
        <label key={name}>
          <span>{name}</span>
          <input
            required
            value={values[name] ?? ''}
            onInput={({ currentTarget }) => setValues({ ...values, [name]: currentTarget.value })}
          />
        </label>
      ))}
      {body && (
        <label>
          <span>Body</span>
          <textarea
            class="code"
            spellcheck={false}
            rows={Math.min(16, text.split('\n').length)}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
      )}
      <p class="toolbar">
        <button type="submit" class="write">
          Send
        </button>
        {isRunning && (
          <button type="button" onClick={stop}>
            Stop
          </button>
        )}
        <span class="said" role="status">
          {problem}
          {answer && `${answer.status}, ${answer.headersMs.toFixed(0)} ms to the headers`}
          {answer && !isRunning && `, ${answer.totalMs.toFixed(0)} ms in all`}
        </span>
      </p>
      {answer && (
        <>
          <details>
            <summary>Headers of the answer</summary>
            <pre>{answer.headers.map(([name, value]) => `${name}: ${value}`).join('\n')}</pre>
          </details>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
          <section class="answer" tabIndex={0} aria-label="Answer">
            <pre>{answer.text}</pre>
          </section>
        </>
      )}
    </form>
  );
}
