import { assert } from "../../shared/assert.js";
import type { FlagSpec } from "./flag-spec.js";
import { FLAG_BY_NAME, FLAGS } from "./flag-table.js";
import { type FlagValue, initialValue, sameValue } from "./flag-value.js";
import type { ServerUrl } from "./server-config.js";

/** Where the values of a run came from, and what they are. */
export class Settings {
  readonly #values = new Map<string, FlagValue>();

  /** Sets a flag; the last word counts. */
  set(spec: FlagSpec, value: FlagValue): void {
    this.#values.set(spec.name, value);
  }

  /** Whether anybody set the flag, be it to its default. */
  isSet(name: string): boolean {
    return this.#values.has(name);
  }

  /** The flags that were set, in the order of the table. */
  setFlags(): readonly FlagSpec[] {
    return FLAGS.filter((spec) => this.#values.has(spec.name));
  }

  /** Whether the flag's value differs from its default. */
  isChanged(spec: FlagSpec): boolean {
    const value = this.#values.get(spec.name);
    return value !== undefined && !sameValue(value, initialValue(spec));
  }

  text(name: string): string {
    const value = this.#value(name);
    assert(value.kind === "text", "flag is no text", { name });
    return value.text;
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    assert(value.kind === "boolean", "flag is no boolean", { name });
    return value.on;
  }

  /** As a number: values beyond 2^53 - 1, which no setting distinguishes, are cut to it. */
  integer(name: string): number {
    const value = this.#value(name);
    assert(value.kind === "integer", "flag is no integer", { name });
    const limit = BigInt(Number.MAX_SAFE_INTEGER);
    if (value.value > limit) return Number(limit);
    return Number(value.value < -limit ? -limit : value.value);
  }

  durationNs(name: string): bigint {
    const value = this.#value(name);
    assert(value.kind === "duration", "flag is no duration", { name });
    return value.ns;
  }

  durationMs(name: string): number {
    return Number(this.durationNs(name)) / 1_000_000;
  }

  urls(name: string): readonly ServerUrl[] {
    const value = this.#value(name);
    assert(value.kind === "urls", "flag is no list of URLs", { name });
    return value.urls;
  }

  list(name: string): readonly string[] {
    const value = this.#value(name);
    assert(value.kind === "list", "flag is no list", { name });
    return value.items;
  }

  gates(name: string): ReadonlyMap<string, boolean> {
    const value = this.#value(name);
    assert(value.kind === "gates", "flag is no set of gates", { name });
    return value.gates;
  }

  /** The value as it is, for flags known only by their kind. */
  raw(spec: FlagSpec): FlagValue {
    return this.#values.get(spec.name) ?? initialValue(spec);
  }

  #value(name: string): FlagValue {
    const spec = FLAG_BY_NAME.get(name);
    assert(spec !== undefined, "no such flag", { name });
    return this.raw(spec);
  }
}
