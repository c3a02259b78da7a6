import type { Model, ServiceInfo } from '../api/service.js';
import { Bird } from './bird.js';
import { KeyField } from './key-field.js';

/** What the header shows and changes. */
export interface HeaderProps {
  /** The models, or undefined until they are known, or where the service does not say. */
  readonly models: readonly Model[] | undefined;
  readonly info: ServiceInfo | undefined;
  /** The chosen model's id; empty for the default model. */
  readonly model: string;
  readonly onModel: (id: string) => void;
  readonly apiKey: string;
  readonly onApiKey: (key: string) => void;
  /** Whether the service has refused a request for want of a key. */
  readonly needsKey: boolean;
}

/** The title, the choice of a model, and the way to everything else. */
export function Header({ models, info, model, onModel, ...key }: HeaderProps) {
  return (
    <header class="header">
      <Bird />
      <h1>Linnet</h1>
      <label class="model">
        <span>Model</span>
        <select
          value={model}
          disabled={models === undefined}
          onChange={({ currentTarget }) => onModel(currentTarget.value)}
        >
          {models === undefined && <option value="">not known yet</option>}
          {models?.map(({ id, state }) => (
            <option key={id} value={id}>
              {state === 'failed' ? `${id} (failed to load)` : id}
            </option>
          ))}
        </select>
      </label>
      <nav aria-label="More">
        <KeyField {...key} />
        <a href="docs">API</a>
        {info && <span class="version">{info.version}</span>}
      </nav>
    </header>
  );
}
