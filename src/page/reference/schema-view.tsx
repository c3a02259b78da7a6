import type { Schema } from './openapi.js';
import { Prose } from './prose.js';
import { objectIn, toWords } from './schema-words.js';

/** A schema, and whether it is one of what is received or of what is sent. */
export interface SchemaProps {
  readonly schema: Schema;
  readonly isRequest: boolean;
}

/** Says what values a schema allows; names of schemas lead to them. */
export function SchemaType({ schema, isRequest }: SchemaProps) {
  return (
    <span class="type">
      {toWords(schema, { withNull: !isRequest }).map((word) =>
        typeof word === 'string' ? (
          word
        ) : (
          <a key={word.schemaName} href={`#${word.schemaName}`}>
            {word.schemaName}
          </a>
        ),
      )}
    </span>
  );
}

/** Lists the fields of an object, and those of the objects in it. */
export function FieldList({ schema, isRequest }: SchemaProps) {
  const { properties = {}, required = [] } = schema;
  return (
    <dl class="fields-of">
      {Object.entries(properties).map(([name, field]) => {
        const inner = objectIn(field);
        return (
          <div key={name}>
            <dt>
              <code>{name}</code> <SchemaType schema={field} isRequest={isRequest} />
              {field.default !== undefined && (
                <span class="note">default {JSON.stringify(field.default)}</span>
              )}
              {!isRequest && !required.includes(name) && <span class="note">not always there</span>}
            </dt>
            <dd>
              {field.description && <Prose text={field.description} />}
              {inner && <FieldList schema={inner} isRequest={isRequest} />}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
