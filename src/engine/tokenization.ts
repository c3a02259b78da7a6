/** A text's tokens. */
export interface Tokenization {
  /** The id of the model that answers. */
  readonly model: string;
  /** In order; their bytes one after the other are the text's. */
  readonly tokens: readonly Token[];
  /** The most tokens of prompt and completion together; undefined until the model's checkpoint has been read. */
  readonly contextLength: number | undefined;
}

/** One token of a text. */
export interface Token {
  readonly id: number;
  /** The exact bytes. */
  readonly bytes: Uint8Array;
  /** Where it begins, in bytes of the text's UTF-8. */
  readonly byteOffset: number;
  /** Where it begins, in code points; a token within a character begins where the character does. */
  readonly textOffset: number;
}

/** Tokens' text. */
export interface Detokenization {
  /** The id of the model that answers. */
  readonly model: string;
  /** Bytes that are no characters appear as U+FFFD. */
  readonly text: string;
  /** The exact bytes. */
  readonly bytes: Uint8Array;
}
