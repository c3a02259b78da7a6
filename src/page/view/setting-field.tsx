import type { SettingRange } from '../run/settings.js';

/** A setting's value, and how it is changed. */
export interface SettingFieldProps {
  readonly range: SettingRange;
  readonly id: string;
  readonly value: number;
  readonly onValue: (value: number) => void;
}

/** A slider, and beside it the number, which can be typed. */
export function SettingField({ range, id, value, onValue }: SettingFieldProps) {
  const { label, hint, min, max, typedMax = max, step } = range;
  const change = (input: HTMLInputElement) => {
    const { valueAsNumber } = input;
    if (input.validity.valid && Number.isFinite(valueAsNumber)) onValue(valueAsNumber);
  };
  return (
    <div class="setting">
      <label for={id}>{label}</label>
      <input
        class="number"
        id={id}
        type="number"
        {...{ min, max: typedMax, step: 'any', value }}
        aria-describedby={`${id}-hint`}
        onInput={({ currentTarget }) => change(currentTarget)}
      />
      <input
        class="slider"
        type="range"
        {...{ min, max, step, value }}
        aria-label={`${label}, slider`}
        onInput={({ currentTarget }) => change(currentTarget)}
      />
      <span class="hint" id={`${id}-hint`}>
        {hint}
      </span>
    </div>
  );
}
