import { useState } from 'preact/hooks';
import { SNIPPET_LANGUAGES, type SnippetSource, toSnippet } from '../snippets/snippets.js';

/** Shows the request in four languages, to copy. */
export function SnippetTabs({ id, source }: { readonly id: string; readonly source: SnippetSource }) {
  const [language, setLanguage] = useState<(typeof SNIPPET_LANGUAGES)[number]>('curl');
  const [said, setSaid] = useState('');
  const snippet = toSnippet(language, source);

  const choose = (index: number) => {
    const next = SNIPPET_LANGUAGES.at(index % SNIPPET_LANGUAGES.length) ?? 'curl';
    setLanguage(next);
    setSaid('');
    document.getElementById(`${id}-tab-${next}`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) choose(SNIPPET_LANGUAGES.indexOf(language) + step);
  };
  const copy = async () => {
    const isCopied = await navigator.clipboard?.writeText(snippet).then(
      () => true,
      () => false,
    );
    setSaid(isCopied ? 'Copied' : 'The browser does not allow it; select the text instead');
  };

  return (
    <details class="snippets">
      <summary>The same request elsewhere</summary>
      <div class="snippet-bar">
        <div role="tablist" aria-label="Languages" onKeyDown={onKeyDown}>
          {SNIPPET_LANGUAGES.map((name, index) => (
            <button
              key={name}
              id={`${id}-tab-${name}`}
              type="button"
              role="tab"
              aria-selected={name === language}
              aria-controls={`${id}-snippet`}
              tabIndex={name === language ? 0 : -1}
              onClick={() => choose(index)}
            >
              {name}
            </button>
          ))}
        </div>
        <button type="button" class="quiet" onClick={copy}>
          Copy
        </button>
        <span class="said" role="status">
          {said}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <pre id={`${id}-snippet`} role="tabpanel" tabIndex={0} aria-labelledby={`${id}-tab-${language}`}>
        {snippet}
      </pre>
    </details>
  );
}
