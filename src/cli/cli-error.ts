/** A failure that the person at the terminal can mend; its message is all they need. The command exits with 1. */
export class CliError extends Error {
  readonly exitCode: number = 1;

  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A command line, a setting or a config file that makes no sense. The command exits with 2. */
export class UsageError extends CliError {
  override readonly exitCode = 2;
}
