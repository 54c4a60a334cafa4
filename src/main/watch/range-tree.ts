import { type Random, seededRandom } from "../../shared/prng.js";

/** A node: a half-open range of strings, and the highest end in its subtree. Undefined end: unbounded. */
interface Node<T> {
  readonly start: string;
  readonly end: string | undefined;
  readonly value: T;
  readonly priority: number;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  maxEnd: string | undefined;
}

const PRIORITIES = 0x1_0000_0000;

/**
 * Ranges [start, end) by which points they hold: a treap ordered by (start, end), each node knowing the
 * highest end below it (Cormen et al., "Interval trees"; Seidel and Aragon, "Randomized search trees").
 * O(log n) to change, O(log n + found) to ask. One value per range.
 */
export class RangeTree<T> {
  readonly #random: Random = seededRandom(1);
  #root: Node<T> | undefined;

  /** The value of exactly this range, if it is there. */
  find(start: string, end: string | undefined): T | undefined {
    let node = this.#root;
    while (node !== undefined) {
      const order = compareRanges(start, end, node);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** Adds a range that is not there yet. */
  add(start: string, end: string | undefined, value: T): void {
    const priority = this.#random.below(PRIORITIES);
    const node = { start, end, value, priority, left: undefined, right: undefined, maxEnd: end };
    const [below, above] = split(this.#root, start, end);
    this.#root = merge(merge(below, node), above);
  }

  /** Takes a range out, if it is there. */
  delete(start: string, end: string | undefined): void {
    this.#root = without(this.#root, start, end);
  }

  /** Visits the values of all ranges that hold `point` until the visitor returns true; says if it did. */
  visit(point: string, visitor: (value: T) => boolean): boolean {
    return visitNode(this.#root, point, visitor);
  }
}

function visitNode<T>(
  node: Node<T> | undefined,
  point: string,
  visitor: (value: T) => boolean,
): boolean {
  if (node === undefined || !isBelow(point, node.maxEnd)) return false;
  if (visitNode(node.left, point, visitor)) return true;
  if (point < node.start) return false;
  if (isBelow(point, node.end) && visitor(node.value)) return true;
  return visitNode(node.right, point, visitor);
}

function isBelow(point: string, end: string | undefined): boolean {
  return end === undefined || point < end;
}

function compareRanges(
  start: string,
  end: string | undefined,
  node: { readonly start: string; readonly end: string | undefined },
): number {
  if (start !== node.start) return start < node.start ? -1 : 1;
  if (end === node.end) return 0;
  if (end === undefined) return 1;
  return isBelow(end, node.end) ? -1 : 1;
}

/** The nodes before the range, and those at or after it. */
function split<T>(
  node: Node<T> | undefined,
  start: string,
  end: string | undefined,
): [Node<T> | undefined, Node<T> | undefined] {
  if (node === undefined) return [undefined, undefined];
  if (compareRanges(start, end, node) > 0) {
    const [below, above] = split(node.right, start, end);
    node.right = below;
    measure(node);
    return [node, above];
  }
  const [below, above] = split(node.left, start, end);
  node.left = above;
  measure(node);
  return [below, node];
}

/** Joins two trees of which the first lies wholly before the second. */
function merge<T>(below: Node<T> | undefined, above: Node<T> | undefined): Node<T> | undefined {
  if (below === undefined) return above;
  if (above === undefined) return below;
  if (below.priority > above.priority) {
    below.right = merge(below.right, above);
    measure(below);
    return below;
  }
  above.left = merge(below, above.left);
  measure(above);
  return above;
}

function without<T>(
  node: Node<T> | undefined,
  start: string,
  end: string | undefined,
): Node<T> | undefined {
  if (node === undefined) return undefined;
  const order = compareRanges(start, end, node);
  if (order === 0) return merge(node.left, node.right);
  if (order < 0) node.left = without(node.left, start, end);
  else node.right = without(node.right, start, end);
  measure(node);
  return node;
}

function measure<T>(node: Node<T>): void {
  let highest = node.end;
  for (const child of [node.left, node.right]) {
    if (child !== undefined && highest !== undefined && isBelow(highest, child.maxEnd)) {
      highest = child.maxEnd;
    }
  }
  node.maxEnd = highest;
}
