import type { ServiceInfo } from './status-schemas.js';

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
  h1 small { font-weight: normal; opacity: .6; font-size: 1rem; }
  pre { padding: .75rem 1rem; border: 1px solid #8884; border-radius: .4rem; overflow-x: auto; }
  dt { font-family: ui-monospace, monospace; margin-top: .5rem; }
  dd { margin-left: 1.5rem; }
`;

/** Renders the service information as one page that needs nothing else. */
export function renderServicePage({
  description,
  version,
  models,
  endpoints,
  examples,
}: ServiceInfo): string {
  const modelItems = models.map(
    ({ id, state }) => `<li><code>${escapeHtml(id)}</code> ${escapeHtml(state)}</li>`,
  );
  const endpointItems = Object.entries(endpoints).map(
    ([path, text]) => `<dt>${escapeHtml(path)}</dt><dd>${escapeHtml(text)}</dd>`,
  );
  const exampleItems = Object.entries(examples).map(
    ([name, command]) => `<h3>${escapeHtml(name)}</h3><pre>${escapeHtml(command)}</pre>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Linnet</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Linnet <small>${escapeHtml(version)}</small></h1>
<p>${escapeHtml(description)}</p>
<h2>Models</h2>
${models.length === 0 ? '<p>The engine does not answer; <a href="/health">health</a> says why.</p>' : `<ul>${modelItems.join('')}</ul>`}
<h2>Try it</h2>
${exampleItems.join('\n')}
<h2>Endpoints</h2>
<dl>${endpointItems.join('\n')}</dl>
<p><a href="/health">Health</a> · <a href="/v1/models">Models</a> · <a href="/openapi.json">OpenAPI</a></p>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
