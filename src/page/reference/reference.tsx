import { useEffect, useState } from 'preact/hooks';
import { Bird } from '../view/bird.js';
import { KeyField } from '../view/key-field.js';
import { useSessionValue } from '../view/use-session-value.js';
import { getDocument, listOperations, type OpenapiDocument } from './openapi.js';
import { OperationView } from './operation-view.js';
import { Prose } from './prose.js';
import { FieldList } from './schema-view.js';

/** The whole page: every operation of the service's own document, and every schema that they name. */
export function Reference() {
  const [apiKey, setApiKey] = useSessionValue('linnet-api-key');
  const { document, problem } = useDocument(apiKey);
  const operations = document === undefined ? [] : listOperations(document);
  const schemas = Object.entries(document?.components.schemas ?? {});

  return (
    <>
      <header class="header">
        <Bird />
        <h1>Linnet API</h1>
        <nav aria-label="More">
          <KeyField apiKey={apiKey} onApiKey={setApiKey} needsKey={false} />
          <a href="./">Write</a>
          <a href="openapi.json">openapi.json</a>
          {document && <span class="version">{document.info.version}</span>}
        </nav>
      </header>
      <main class="reference">
        <nav aria-label="Operations" class="contents">
          {operations.map(({ id, method, path }) => (
            <a key={id} href={`#${id}`}>
              <span class="method">{method}</span> {path}
            </a>
          ))}
        </nav>
        <div>
          <p role="status">{problem}</p>
          {document && (
            <p>
              <Prose text={document.info.description} />
            </p>
          )}
          {document &&
            operations.map((operation) => (
              <OperationView key={operation.id} {...{ document, operation, apiKey }} />
            ))}
          {schemas.length > 0 && <h2>Schemas</h2>}
          {schemas.map(([name, schema]) => (
            <section key={name} id={name} class="schema" aria-labelledby={`${name}-title`}>
              <h3 id={`${name}-title`}>{name}</h3>
              {schema.description && (
                <p>
                  <Prose text={schema.description} />
                </p>
              )}
              <FieldList schema={schema} isRequest={name.endsWith('Request')} />
            </section>
          ))}
        </div>
      </main>
    </>
  );
}

function useDocument(key: string) {
  const [document, setDocument] = useState<OpenapiDocument>();
  const [problem, setProblem] = useState('');
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const learn = (found: OpenapiDocument) => {
      setDocument(found);
      setProblem('');
    };
    getDocument({ key, signal }).then(learn, (failure: Error) => {
      if (!signal.aborted) setProblem(failure.message);
    });
    return () => controller.abort();
  }, [key]);
  // What the address names is there only now.
  useEffect(() => {
    if (document && location.hash)
      globalThis.document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [document]);
  return { document, problem };
}
