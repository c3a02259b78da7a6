import { z } from 'zod';
import { ERROR } from '../errors/error-schema.js';

const count = z.int().min(0).optional();

/** The states of a model. */
export const MODEL_STATE = z.enum(['unknown', 'unloaded', 'loading', 'ready', 'failed']);

/** The state of a model, in one word. */
export type ModelStateName = z.output<typeof MODEL_STATE>;

/** A model. */
export const MODEL = z
  .strictObject({
    id: z.string(),
    object: z.literal('model'),
    created: z
      .int()
      .meta({ description: 'Seconds since the Unix epoch at which the service began to offer it.' }),
    owned_by: z.string(),
    state: MODEL_STATE,
    error: z.string().optional().meta({ description: 'Why the last attempt to load it failed.' }),
    memory_bytes: z.int().min(0).meta({
      description: 'What is set aside for its weights and its KV cache; 0 while it is not in memory.',
    }),
    context_length: count.meta({ description: 'The most tokens of prompt and completion together.' }),
    vocab_size: count,
    num_parameters: count,
    precision: z.string().optional().meta({ description: 'How weights are stored and multiplied.' }),
  })
  .meta({ description: "OpenAI's model object; what follows `owned_by` is Linnet's." });

/** OpenAI's model object, extended. */
export type ModelObject = z.output<typeof MODEL>;

/** All models. */
export const MODEL_LIST = z.strictObject({ object: z.literal('list'), data: z.array(MODEL) });

/** OpenAI's list of models. */
export type ModelList = z.output<typeof MODEL_LIST>;

/** The answer of a process that runs. */
export const LIVE = z.strictObject({ status: z.literal('ok') });

/** An engine, as the gateway sees it. */
export const ENGINE = z.strictObject({
  address: z.string(),
  state: z.enum(['ready', 'full', 'not_serving', 'unreachable', 'unknown']).meta({
    description: '`full`: it serves, but its queue is full. `unknown`: it has not answered yet.',
  }),
  outstanding: z.int().min(0).meta({ description: 'Choices of completions that this gateway waits for.' }),
});

/** An engine, as the gateway sees it. */
export type EngineObject = z.output<typeof ENGINE>;

const ENGINES = z.array(ENGINE).meta({
  description: 'The engines behind this gateway; empty for who has no API key where one is asked for.',
});

/** The answer of a service that can answer requests. */
export const HEALTHY = z.strictObject({
  status: z.literal('ok'),
  model: MODEL.nullable().meta({ description: 'The default model.' }),
  models: z.array(MODEL).meta({ description: 'All models, the default one first.' }),
  engines: ENGINES,
});

/** The answer of a service that can not. */
export const UNHEALTHY = z.strictObject({
  status: z.literal('unavailable'),
  ...ERROR.shape,
  engines: ENGINES,
});

/** What a newcomer needs to know of the service. */
export const SERVICE_INFO = z.strictObject({
  name: z.literal('linnet'),
  description: z.string(),
  version: z.string(),
  grpc_address: z.string().optional().meta({
    description: 'Where the gRPC service listens, if that is on the same machine.',
  }),
  models: z
    .array(z.strictObject({ id: z.string(), state: MODEL_STATE }))
    .meta({ description: 'Empty where the engine does not answer.' }),
  endpoints: z.record(z.string(), z.string()).meta({ description: 'What each path does.' }),
  examples: z.record(z.string(), z.string()).meta({ description: 'Commands to copy, by what they show.' }),
});

/** What a newcomer needs to know of the service. */
export type ServiceInfo = z.output<typeof SERVICE_INFO>;
