/**
 * SHAP values made ready to be drawn (Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, 2017): each feature's
 * part in moving the model from its base value to what it said. Pure.
 */

export interface Part {
  readonly feature: string;
  readonly value: number;
}

export interface Explanation {
  /** The strongest first; a tie by name. */
  readonly parts: readonly Part[];
  /** What is left out of `parts`, as one sum. */
  readonly others: { readonly count: number; readonly value: number } | null;
  readonly base: number | null;
  /** Where the model ended: the base and everything added; the sum alone where there is no base. */
  readonly end: number;
}

export const SHOWN_MAX = 20;

/** The explanation in a result; null where there is none. Values that are no finite numbers are left out. */
export function explain(values: unknown, base: number | null, most = SHOWN_MAX): Explanation | null {
  if (typeof values !== "object" || values === null || Array.isArray(values)) return null;
  const all = Object.entries(values as Record<string, unknown>)
    .flatMap(([feature, value]) => (typeof value === "number" && Number.isFinite(value) ? [{ feature, value }] : []))
    .sort((one, other) => Math.abs(other.value) - Math.abs(one.value) || one.feature.localeCompare(other.feature));
  if (all.length === 0) return null;
  const rest = all.slice(most);
  return {
    parts: all.slice(0, most),
    others: rest.length === 0 ? null : { count: rest.length, value: sum(rest) },
    base,
    end: (base ?? 0) + sum(all),
  };
}

/** A segment of the force plot. */
export interface Segment extends Part {
  readonly from: number;
  readonly to: number;
}

/** Those towards good end at `end` from the left, those away from it from the right, the strongest next to it. */
export function forces({ parts, others, end }: Explanation): readonly Segment[] {
  const all = others === null ? parts : [...parts, { feature: "", value: others.value }];
  const segments: Segment[] = [];
  let up = end;
  let down = end;
  for (const { feature, value } of all) {
    if (value > 0) {
      segments.push({ feature, value, from: up - value, to: up });
      up -= value;
    } else if (value < 0) {
      segments.push({ feature, value, from: down, to: down - value });
      down -= value;
    }
  }
  return segments;
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((total, { value }) => total + value, 0);
}
