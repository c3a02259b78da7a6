import { FIRST_SETTINGS, SETTING_RANGES, type Settings } from '../run/settings.js';
import { SettingField } from './setting-field.js';

/** The settings of a pane, and how they are changed. */
export interface SettingsPanelProps {
  /** Begins the ids of the fields. */
  readonly id: string;
  readonly settings: Settings;
  readonly onSettings: (settings: Settings) => void;
  /** The most tokens that the model can take, where that is known. */
  readonly contextLength: number | undefined;
}

const isWide = () => matchMedia('(min-width: 60rem)').matches;

/** All settings of a completion; folded at first where there is little room. */
export function SettingsPanel({ id, settings, onSettings, contextLength }: SettingsPanelProps) {
  const change = (part: Partial<Settings>) => onSettings({ ...settings, ...part });
  const ranges = SETTING_RANGES.map((range) =>
    range.name === 'max_tokens' && contextLength ? { ...range, max: contextLength } : range,
  );
  return (
    <details class="settings" open={isWide()}>
      <summary>
        Settings <span class="summary">{summarize(settings)}</span>
      </summary>
      <div class="fields">
        {ranges.map((range) => (
          <SettingField
            key={range.name}
            range={range}
            id={`${id}-${range.name}`}
            value={settings[range.name]}
            onValue={(value) => change({ [range.name]: value })}
          />
        ))}
        <div class="setting seed">
          <label for={`${id}-seed`}>Seed</label>
          <input
            class="number"
            id={`${id}-seed`}
            inputMode="numeric"
            autocomplete="off"
            pattern="-?\d{1,19}"
            placeholder="any"
            value={settings.seed}
            aria-describedby={`${id}-seed-hint`}
            onInput={({ currentTarget }) => change({ seed: currentTarget.value })}
          />
          <span class="hint" id={`${id}-seed-hint`}>
            digits make it repeatable
          </span>
        </div>
        <button type="button" class="quiet" onClick={() => onSettings(FIRST_SETTINGS)}>
          Reset
        </button>
      </div>
    </details>
  );
}

function summarize({ temperature, top_p, top_k, seed }: Settings): string {
  return [
    `temperature ${temperature}`,
    top_p < 1 && `top-p ${top_p}`,
    top_k > 0 && `top-k ${top_k}`,
    seed !== '' && `seed ${seed}`,
  ]
    .filter(Boolean)
    .join(', ');
}
