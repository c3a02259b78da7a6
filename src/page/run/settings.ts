import type { CompletionRequest } from '../api/completion-request.js';

/** The settings that are numbers. */
export type NumberSetting =
  | 'temperature'
  | 'top_p'
  | 'top_k'
  | 'max_tokens'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'repetition_penalty';

/** How a completion is asked for. */
export interface Settings extends Readonly<Record<NumberSetting, number>> {
  /** Digits; empty for a seed that the service draws. */
  readonly seed: string;
}

/** What there is to know of a setting that is a number. */
export interface SettingRange {
  readonly name: NumberSetting;
  readonly label: string;
  /** What it does, in a few words. */
  readonly hint: string;
  readonly min: number;
  /** The greatest value of the slider. */
  readonly max: number;
  /** The greatest value that can be typed; default: `max`. */
  readonly typedMax?: number;
  readonly step: number;
  /** What the service takes where the field is left out. */
  readonly serviceDefault: number;
}

/** The settings that are numbers, in the order in which they are shown. */
export const SETTING_RANGES: readonly SettingRange[] = [
  {
    ...{ name: 'temperature', label: 'Temperature', hint: '0 always takes the most probable token' },
    ...{ min: 0, max: 2, step: 0.05, serviceDefault: 1 },
  },
  {
    ...{ name: 'top_p', label: 'Top-p', hint: 'keeps the most probable up to this sum' },
    ...{ min: 0, max: 1, step: 0.01, serviceDefault: 1 },
  },
  {
    ...{ name: 'top_k', label: 'Top-k', hint: 'keeps this many; 0 keeps all' },
    ...{ min: 0, max: 100, typedMax: 1_000_000, step: 1, serviceDefault: 0 },
  },
  {
    ...{ name: 'max_tokens', label: 'Tokens', hint: 'at most this many' },
    ...{ min: 1, max: 512, typedMax: 1_000_000, step: 1, serviceDefault: 16 },
  },
  {
    ...{ name: 'presence_penalty', label: 'Presence penalty', hint: 'against tokens that have come before' },
    ...{ min: -2, max: 2, step: 0.1, serviceDefault: 0 },
  },
  {
    ...{ name: 'frequency_penalty', label: 'Frequency penalty', hint: 'the same, more with each time' },
    ...{ min: -2, max: 2, step: 0.1, serviceDefault: 0 },
  },
  {
    ...{ name: 'repetition_penalty', label: 'Repetition penalty', hint: 'the same, the prompt included' },
    ...{ min: 0.5, max: 2, step: 0.05, serviceDefault: 1 },
  },
];

/** The settings with which the page begins. */
export const FIRST_SETTINGS: Settings = {
  temperature: 0.8,
  top_p: 1,
  top_k: 0,
  max_tokens: 120,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
  seed: '',
};

/** What the second pane begins with, so that there is something to compare. */
export const OTHER_SETTINGS: Settings = { ...FIRST_SETTINGS, temperature: 0 };

/** What is asked, beside the settings. */
export interface Question {
  /** Empty: the beginning of a new document. */
  readonly prompt: string;
  /** Empty: the default model. */
  readonly model: string;
}

/** Makes the request; what is as the service has it by itself is left out. */
export function toRequest(settings: Settings, { prompt, model }: Question): CompletionRequest {
  const chosen = SETTING_RANGES.filter(({ name, serviceDefault }) => settings[name] !== serviceDefault);
  return {
    ...(model !== '' && { model }),
    ...(prompt !== '' && { prompt }),
    max_tokens: settings.max_tokens,
    ...Object.fromEntries(chosen.map(({ name }) => [name, settings[name]])),
    ...(settings.seed.trim() !== '' && { seed: toSeed(settings.seed.trim()) }),
  };
}

function toSeed(digits: string): number | string {
  const seed = Number(digits);
  return Number.isSafeInteger(seed) ? seed : digits;
}
