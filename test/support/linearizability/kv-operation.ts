/** A key as a read gives it. Values are texts here: whatever names the bytes. */
export interface KeyView {
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** A guard of a transaction. A key that is not there has revision and version 0, and no value. */
export interface Guard {
  readonly key: string;
  readonly target: "value" | "modRevision" | "createRevision" | "version";
  readonly is: "=" | "!=" | "<" | ">";
  readonly than: string | number;
}

/** One step of a transaction. */
export type KvStep =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "get"; readonly key: string };

/** A request: a transaction; a plain put, delete or get is one without guards. */
export interface KvInput {
  readonly guards: readonly Guard[];
  readonly success: readonly KvStep[];
  readonly failure: readonly KvStep[];
}

/** What a step answered; what it did not tell is left out. Of "unseen" nobody saw the answer. */
export type KvStepOutput =
  | { readonly kind: "put"; readonly previous?: KeyView | "none" }
  | { readonly kind: "delete"; readonly deleted: number; readonly previous?: KeyView | "none" }
  | { readonly kind: "get"; readonly found: KeyView | undefined }
  | { readonly kind: "unseen" };

/** An answer. */
export interface KvOutput {
  /** The header's revision: of a write the one that it made, of a read the one that it saw. */
  readonly revision: number;
  readonly succeeded: boolean;
  /** Of the branch that was taken, step by step. */
  readonly steps: readonly KvStepOutput[];
}

/** A request of one step without guards. */
export function single(step: KvStep): KvInput {
  return { guards: [], success: [step], failure: [] };
}

/** Every key that a request names, in the order of first mention. */
export function keysOf(input: KvInput): string[] {
  const parts = [...input.guards, ...input.success, ...input.failure];
  return [...new Set(parts.map(({ key }) => key))];
}

/** Whether a request may change something. */
export function mayWrite(input: KvInput): boolean {
  return [...input.success, ...input.failure].some(({ kind }) => kind !== "get");
}

/** Whether an answered request made a revision: a delete of nothing makes none. */
export function didWrite(output: KvOutput): boolean {
  return output.steps.some(
    (step) => step.kind === "put" || (step.kind === "delete" && step.deleted > 0),
  );
}

/** A request and its answer in one line. */
export function describeKv(input: KvInput, output: KvOutput | undefined): string {
  const step = (one: KvStep): string =>
    one.kind === "put" ? `put ${one.key}=${one.value}` : `${one.kind} ${one.key}`;
  const branch = (steps: readonly KvStep[]): string => steps.map(step).join(", ");
  const guards = input.guards.map(({ key, target, is, than }) => `${target}(${key})${is}${than}`);
  const asked =
    guards.length === 0
      ? branch(input.success)
      : `if ${guards.join(" and ")} then [${branch(input.success)}] else [${branch(input.failure)}]`;
  return `${asked} -> ${output === undefined ? "unknown" : describeOutput(output)}`;
}

function describeOutput({ revision, succeeded, steps }: KvOutput): string {
  const view = (found: KeyView | undefined): string =>
    found === undefined
      ? "nothing"
      : `${found.value} (create ${found.createRevision}, mod ${found.modRevision}, version ${found.version})`;
  const told = steps.map((step) => {
    if (step.kind === "get") return view(step.found);
    return step.kind === "delete" ? `deleted ${step.deleted}` : step.kind;
  });
  return `revision ${revision}, ${succeeded ? "success" : "failure"} [${told.join(", ")}]`;
}
