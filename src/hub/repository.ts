/** A model on the Hub, at one revision. */
export interface Repository {
  /** Such as `openai-community/gpt2`. */
  readonly id: string;
  /** A branch, a tag, or a commit of 40 hex digits. */
  readonly revision: string;
}

/** The models that go by a name without an owner, and where they have moved. */
const PUBLISHED: Readonly<Record<string, string>> = {
  gpt2: 'openai-community/gpt2',
  'gpt2-medium': 'openai-community/gpt2-medium',
  'gpt2-large': 'openai-community/gpt2-large',
  'gpt2-xl': 'openai-community/gpt2-xl',
  distilgpt2: 'distilbert/distilgpt2',
};

/** The names without an owner that {@link parseRepository} knows. */
export const PUBLISHED_NAMES: readonly string[] = Object.keys(PUBLISHED);

// The Hub's rules: two parts of letters, digits, ".", "_", "-", without "--" or "..", which end neither in "-" nor in ".".
const NAME = /^(?!.*(?:--|\.\.))\w[\w.-]*(?<![.-])\/\w[\w.-]*(?<![.-])$/;
const REVISION = /^(?!.*(?:\.\.|\/\/))[\w][\w./+-]*(?<![./])$/;
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Reads `OWNER/NAME`, or one of {@link PUBLISHED_NAMES}, perhaps with `@REVISION` (default `main`).
 *
 * @returns undefined where the text can't be a repository's name.
 */
export function parseRepository(text: string): Repository | undefined {
  const at = text.indexOf('@');
  const name = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? 'main' : text.slice(at + 1);
  const id = Object.hasOwn(PUBLISHED, name) ? PUBLISHED[name] : name;
  if (id === undefined || id.length > 96 || !NAME.test(id) || !REVISION.test(revision)) return undefined;
  return { id, revision };
}

/** Tells whether a revision names a commit, which never changes. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Writes a repository as one would type it. */
export function formatRepository({ id, revision }: Repository): string {
  return revision === 'main' ? id : `${id}@${revision}`;
}

/** The names under which tools may have kept a repository: its own, and the short one that it had before it moved. */
export function namesOf({ id }: Repository): readonly string[] {
  return [id, ...PUBLISHED_NAMES.filter((name) => PUBLISHED[name] === id)];
}
