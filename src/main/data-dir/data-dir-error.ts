/** The data directory cannot be used; the message is the one line for the operator. */
export class DataDirError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "DataDirError";
  }
}
