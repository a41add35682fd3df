/** What can go wrong with a question: the sidecar refuses it (RFC 9457), or nobody answers. */

/** A refusal. `kind` is the last part of the problem's type and stable; `told` holds further members. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly kind: string,
    readonly title: string,
    readonly detail: string | null,
    readonly told: Readonly<Record<string, unknown>>,
    readonly retryAfterS: number | null,
  ) {
    super(detail === null ? title : `${title}: ${detail}`);
  }

  /** A member that is a text, or null. */
  text(member: string): string | null {
    const value = this.told[member];
    return typeof value === "string" ? value : null;
  }

  /** A member that is a list of texts; empty where it is none. */
  texts(member: string): readonly string[] {
    const value = this.told[member];
    return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
  }
}

/** Nobody answered: whether what was sent was done is not known. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Whether asking the same again later can help. */
export function isPassing(failure: unknown): boolean {
  if (failure instanceof Unreachable) return true;
  return failure instanceof Problem && (failure.status >= 500 || failure.status === 429 || failure.kind === "idempotency-key-in-flight");
}

/** The problem that an answer is; an answer that is none of ours (a proxy's page) becomes one. */
export async function read(answer: Response): Promise<Problem> {
  const seconds = Number(answer.headers.get("Retry-After"));
  const retryAfterS = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  let told: Record<string, unknown> = {};
  try {
    const body: unknown = await answer.json();
    if (typeof body === "object" && body !== null) told = body as Record<string, unknown>;
  } catch {
    // No JSON: the status has to do.
  }
  return problemOf(answer.status, told, retryAfterS);
}

/** The problem that these members are. */
export function problemOf(status: number, told: Readonly<Record<string, unknown>>, retryAfterS: number | null = null): Problem {
  const type = typeof told["type"] === "string" ? told["type"] : "";
  const title = typeof told["title"] === "string" ? told["title"] : `HTTP ${String(status)}`;
  const detail = typeof told["detail"] === "string" ? told["detail"] : null;
  return new Problem(status, type.slice(type.lastIndexOf("/") + 1), title, detail, told, retryAfterS);
}
