import { getSystemErrorMap } from "node:util";

/**
 * A failed system call in the words of the system: "mkdir /x: permission denied". Other errors keep
 * their message.
 */
export function osErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno, syscall, path } = fieldsOf(error);
  const text = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  if (text === undefined || syscall === undefined) return error.message;
  return path === undefined ? `${syscall}: ${text}` : `${syscall} ${path}: ${text}`;
}

/** The name of the error code ("ENOENT") of a failed system call, or undefined. */
export function osErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

function fieldsOf(error: Error) {
  const fields: Record<string, unknown> = { ...error };
  const { errno, syscall, path } = fields;
  return {
    errno: typeof errno === "number" ? errno : undefined,
    syscall: typeof syscall === "string" ? syscall : undefined,
    path: typeof path === "string" ? path : undefined,
  };
}
