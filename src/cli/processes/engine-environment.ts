/**
 * Each thread of a worker would get an arena of its own from glibc, and keep in it what a model's unloading frees: with two
 * for all of them the memory of gpt2 at q8 stays at 300 MB over any number of loads, and not at 600.
 */
const MAX_ARENAS = '2';

/**
 * Young objects, MiB: those of a step and of a message are few and soon gone. With V8's 16 each of the process's two
 * heaps takes 13 MB more once modules are loaded, and keeps them; no load ran faster with them (docs/engine.md, "Memory").
 */
const MAX_SEMI_SPACE_MIB = 2;

/** The environment of a process that runs an engine: that of its parent, whose own choices hold, and what saves memory. */
export function toEngineEnvironment(parent: Readonly<NodeJS.ProcessEnv>): NodeJS.ProcessEnv {
  // Of options that are given twice Node takes the last.
  const options = [`--max-semi-space-size=${MAX_SEMI_SPACE_MIB}`, parent['NODE_OPTIONS'] ?? ''];
  return { MALLOC_ARENA_MAX: MAX_ARENAS, ...parent, NODE_OPTIONS: options.join(' ').trim() };
}
