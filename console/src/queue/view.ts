/** A view of the queue is a link: lane, filters, order and search, read from the address and written into it. Pure. */

export const LANES = ["turn", "mine", "second", "expiring", "all"] as const;
export type Lane = (typeof LANES)[number];

export const SORTS = ["risk", "confidence", "severity", "age", "deadline"] as const;
export type Sort = (typeof SORTS)[number];

/** Filters on what a review is; several values of one mean any of them. */
export const FILTERS = [
  "severity",
  "risk",
  "reason",
  "cwe_class",
  "ecosystem",
  "language",
  "strategy",
  "prediction",
  "package",
  "cve",
  "cwe",
] as const;
export type FilterName = (typeof FILTERS)[number];

export interface View {
  readonly lane: Lane;
  readonly sort: Sort;
  readonly q: string;
  readonly filters: Readonly<Partial<Record<FilterName, readonly string[]>>>;
  readonly confidence: readonly [number | null, number | null];
}

export const PLAIN: View = { lane: "turn", sort: "risk", q: "", filters: {}, confidence: [null, null] };

/** The view of an address; what is not known in it is left out. */
export function read(params: URLSearchParams): View {
  const filters: Partial<Record<FilterName, readonly string[]>> = {};
  for (const name of FILTERS) {
    const values = [...new Set(params.getAll(name))].filter((value) => value !== "");
    if (values.length > 0) filters[name] = values;
  }
  return {
    lane: oneOf(LANES, params.get("lane"), PLAIN.lane),
    sort: oneOf(SORTS, params.get("sort"), PLAIN.sort),
    q: params.get("q") ?? "",
    filters,
    confidence: [fraction(params.get("confidence_min")), fraction(params.get("confidence_max"))],
  };
}

/** The address of a view, as short as it can be. */
export function write(view: View): URLSearchParams {
  const params = filtersOf(view);
  if (view.lane !== PLAIN.lane) params.set("lane", view.lane);
  if (view.sort !== PLAIN.sort) params.set("sort", view.sort);
  return params;
}

/** The view with one value of a filter switched. */
export function toggle(view: View, name: FilterName, value: string): View {
  const had = view.filters[name] ?? [];
  const values = had.includes(value) ? had.filter((one) => one !== value) : [...had, value];
  const others = Object.fromEntries(Object.entries(view.filters).filter(([one]) => one !== name));
  return { ...view, filters: values.length === 0 ? others : { ...others, [name]: values } };
}

export function isFiltered({ q, filters, confidence }: View): boolean {
  return q !== "" || Object.keys(filters).length > 0 || confidence.some((one) => one !== null);
}

/** The parts of which a lane's list is made, each with what the API is asked. The last one is endless, those before it are short. */
export type Part = "mine" | "second" | "expiring" | "waiting";

export const PARTS: Readonly<Record<Lane, readonly Part[]>> = {
  turn: ["mine", "second", "expiring", "waiting"],
  mine: ["mine"],
  second: ["second"],
  expiring: ["expiring"],
  all: ["waiting"],
};

/** What the API is asked for a part of this view. */
export function question(view: View, part: Part, limit: number): URLSearchParams {
  const params = filtersOf(view);
  params.set("limit", String(limit));
  params.set("sort", part === "expiring" ? "deadline" : view.sort);
  if (part === "mine") params.set("claimed", "me");
  if (part === "second") params.set("needs", "me");
  if (view.lane === "turn" && part !== "mine") params.set("turn", "me");
  return params;
}

/** What the API is asked to count: what the lane holds. Which reviews are about to expire it does not know, and counts all. */
export function counted(view: View): URLSearchParams {
  const params = filtersOf(view);
  if (view.lane === "turn") params.set("turn", "me");
  if (view.lane === "mine") params.set("claimed", "me");
  if (view.lane === "second") params.set("needs", "me");
  return params;
}

/** Filters, bounds and search of a view. */
function filtersOf(view: View): URLSearchParams {
  const params = new URLSearchParams();
  for (const name of FILTERS) for (const value of view.filters[name] ?? []) params.append(name, value);
  const [least, most] = view.confidence;
  if (least !== null) params.set("confidence_min", String(least));
  if (most !== null) params.set("confidence_max", String(most));
  if (view.q.trim() !== "") params.set("q", view.q.trim());
  return params;
}

function oneOf<T extends string>(known: readonly T[], said: string | null, otherwise: T): T {
  return known.find((one) => one === said) ?? otherwise;
}

function fraction(said: string | null): number | null {
  const value = said === null || said.trim() === "" ? Number.NaN : Number(said);
  return value >= 0 && value <= 1 ? value : null;
}
