import { type OpenapiDocument, type Operation, resolve } from './openapi.js';
import { Prose } from './prose.js';
import { FieldList, SchemaType } from './schema-view.js';
import { TryIt } from './try-it.js';

/** An operation, and the document that it is of. */
export interface OperationViewProps {
  readonly document: OpenapiDocument;
  readonly operation: Operation;
  readonly apiKey: string;
}

/** Describes an operation, and lets it be tried. */
export function OperationView({ document, operation, apiKey }: OperationViewProps) {
  const { id, method, path, aliases, summary, body, answers } = operation;
  return (
    <section id={id} class="operation" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{summary}</h2>
      <p>
        <code class="method">{method}</code> <code>{path}</code>
        {aliases.length > 0 && <span class="note">also {aliases.join(', ')}</span>}
      </p>
      {body && (
        <details>
          <summary>Fields of the request</summary>
          <FieldList schema={resolve(document, body.schema)} isRequest={true} />
        </details>
      )}
      <details>
        <summary>Answers</summary>
        <dl class="fields-of">
          {Object.entries(answers).map(([status, { description, content = {} }]) => (
            <div key={status}>
              <dt>
                <code>{status}</code>{' '}
                {Object.entries(content).map(([type, { schema }]) => (
                  <span key={type} class="note">
                    {type}: <SchemaType schema={schema} isRequest={false} />
                  </span>
                ))}
              </dt>
              <dd>
                <Prose text={description} />
              </dd>
            </div>
          ))}
        </dl>
      </details>
      <TryIt {...{ operation, apiKey }} />
    </section>
  );
}
