import type { KeyView } from "./kv-operation.js";

/**
 * A revision: known, or of a write whose answer never came, so only known to be above one. The first
 * read that shows it settles it.
 */
export type Revision = number | { readonly above: number };

/** A key that is there. */
export interface KeyState {
  readonly value: string;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
}

/** Some keys of a store, and the least that the store's revision can be. */
export interface KvState {
  readonly revision: number;
  readonly keys: ReadonlyMap<string, KeyState>;
}

/** The store of a new cluster: revision 1 and no keys. */
export const EMPTY_STORE: KvState = { revision: 1, keys: new Map() };

/** Equal exactly for equal states. */
export function stateKey(state: KvState): string {
  const revision = (one: Revision): string =>
    typeof one === "number" ? `${one}` : `>${one.above}`;
  const lines = [...state.keys]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([key, { value, createRevision, modRevision, version }]) =>
        `${JSON.stringify([key, value])} ${revision(createRevision)} ${revision(modRevision)} ${version}`,
    );
  return `${state.revision}; ${lines.join("; ")}`;
}

/** The state with one key changed or, for undefined, without it. */
export function withKey(state: KvState, key: string, value: KeyState | undefined): KvState {
  const keys = new Map(state.keys);
  if (value === undefined) keys.delete(key);
  else keys.set(key, value);
  return { revision: state.revision, keys };
}

/** A put at a revision. */
export function withPut(
  state: KvState,
  put: { readonly key: string; readonly value: string; readonly revision: Revision },
): KvState {
  const previous = state.keys.get(put.key);
  return withKey(state, put.key, {
    value: put.value,
    createRevision: previous?.createRevision ?? put.revision,
    modRevision: put.revision,
    version: (previous?.version ?? 0) + 1,
  });
}

/** The state after a read showed this of a key, with what it settles; undefined when it cannot be so. */
export function seen(state: KvState, key: string, view: KeyView | undefined): KvState | undefined {
  const known = state.keys.get(key);
  if (known === undefined || view === undefined) {
    return known === undefined && view === undefined ? state : undefined;
  }
  const { value, version, createRevision, modRevision } = view;
  const fits =
    known.value === value &&
    known.version === version &&
    admits(known.createRevision, createRevision) &&
    admits(known.modRevision, modRevision) &&
    (version === 1 ? createRevision === modRevision : createRevision < modRevision);
  if (!fits) return undefined;
  const settled = typeof known.modRevision === "number" && typeof known.createRevision === "number";
  return settled ? state : withKey(state, key, { value, version, createRevision, modRevision });
}

/** Whether a revision may turn out to be this number. */
export function admits(revision: Revision, number: number): boolean {
  return typeof revision === "number" ? revision === number : number > revision.above;
}
