import type { Random } from "../../support/random.js";
import type { SimFrontend } from "../member/sim-frontend.js";
import type { SimMember } from "../member/sim-member.js";
import type { SimProcess } from "../member/sim-process.js";
import type { World } from "../world/world.js";

/** How a call ended without an answer. */
export type CallLoss = "refused" | "lost" | "timeout";

/** One client's way to the members: a connection to one of them at a time, which breaks with the process. */
export class MemberPort {
  readonly #world: World;
  readonly #random: Random;
  readonly #members: () => readonly SimMember[];
  #member: SimMember | undefined;
  #process: SimProcess | undefined;
  #onBroken: (() => void) | undefined;

  constructor(world: World, random: Random, members: () => readonly SimMember[]) {
    this.#world = world;
    this.#random = random;
    this.#members = members;
  }

  /** The member that the next call goes to. */
  get member(): SimMember {
    this.#member ??= this.#random.pick(this.#members());
    return this.#member;
  }

  /** The next call goes to any member. */
  leave(): void {
    this.#member = undefined;
  }

  /** The next call goes to this one. */
  turnTo(member: SimMember): void {
    this.#member = member;
  }

  /**
   * One call: `serve` runs on the frontend and gives its answer through `answer`, once. `ended` is called
   * once, with the answer or with what became of the call. "refused": it never got to a server.
   */
  call<Answer>(options: {
    readonly timeoutMs: number;
    readonly serve: (frontend: SimFrontend, answer: (value: Answer) => void) => void;
    readonly ended: (result: { readonly answer: Answer } | CallLoss) => void;
  }): void {
    let isOpen = true;
    const end = (result: { readonly answer: Answer } | CallLoss): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#onBroken = undefined;
      options.ended(result);
    };
    const { events } = this.#world;
    events.after(options.timeoutMs, () => end("timeout"));
    events.after(this.#wayMs(), () => {
      const process = this.#connect();
      if (process === undefined) return end("refused");
      if (!isOpen) return;
      this.#onBroken = () => end("lost");
      process.request((frontend) =>
        options.serve(frontend, (answer) => events.after(this.#wayMs(), () => end({ answer }))),
      );
    });
  }

  #connect(): SimProcess | undefined {
    const { member } = this;
    const process = member.isUp ? member.process : undefined;
    if (process === undefined || process === this.#process) return process;
    this.#process = process;
    member.whenEnded(() => {
      if (this.#process === process)
        this.#world.events.after(this.#wayMs(), () => this.#onBroken?.());
    });
    return process;
  }

  #wayMs(): number {
    return 0.05 + this.#random.next() * 0.5;
  }
}
