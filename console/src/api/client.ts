/** Asks the sidecar. Knows tokens, problems and headers, and nothing of what is asked. */

import { Problem, Unreachable, read } from "./problem";

const TIMEOUT_MS = 20_000;

/** What was answered. `next` is the address of the following page, `total` how many there are ("10000+" for more). */
export interface Answer<T> {
  readonly body: T;
  readonly etag: string | null;
  readonly next: string | null;
  readonly total: string | null;
}

/** One question. `version` goes as If-Match, `key` as Idempotency-Key; with `keepalive` it outlives the page. */
export interface Question {
  readonly body?: unknown;
  readonly version?: string;
  readonly key?: string;
  readonly signal?: AbortSignal;
  readonly keepalive?: boolean;
}

/** Whoever vouches for the person: the token that they have now, and whom to tell that it is not accepted any more. */
export interface Voucher {
  token(): string | null;
  refused(): void;
}

/** The way to the sidecar of this page. */
export class Client {
  constructor(private readonly voucher: Voucher) {}

  /** Raises Problem, Unreachable. */
  async get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
    return await this.ask<T>("GET", path, signal === undefined ? {} : { signal });
  }

  /** Raises Problem, Unreachable. */
  async post<T>(path: string, question: Question = {}): Promise<Answer<T>> {
    return await this.ask<T>("POST", path, question);
  }

  /** The bytes of a file, however long it takes. Raises Problem, Unreachable. */
  async download(path: string): Promise<Blob> {
    const answer = await this.send("GET", path, {}, null);
    return await whole(async () => await answer.blob());
  }

  private async ask<T>(method: string, path: string, question: Question): Promise<Answer<T>> {
    const answer = await this.send(method, path, question);
    const { headers } = answer;
    return {
      body: (await whole(async () => (await answer.json()) as unknown)) as T,
      etag: headers.get("ETag"),
      next: nextOf(headers.get("Link")),
      total: headers.get("X-Total-Count"),
    };
  }

  private async send(method: string, path: string, question: Question, patienceMs: number | null = TIMEOUT_MS): Promise<Response> {
    const token = this.voucher.token();
    const headers = new Headers({ Accept: "application/json" });
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    if (question.version !== undefined) headers.set("If-Match", question.version);
    if (question.key !== undefined) headers.set("Idempotency-Key", question.key);
    const timeout = patienceMs === null ? [] : [AbortSignal.timeout(patienceMs)];
    const request: RequestInit = {
      method,
      headers,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.any([...timeout, ...(question.signal === undefined ? [] : [question.signal])]),
      keepalive: question.keepalive ?? false,
    };
    if (method === "POST") {
      headers.set("Content-Type", "application/json");
      request.body = JSON.stringify(question.body ?? {});
    }
    const answer = await reach(path, request, question.signal);
    if (answer.ok) return answer;
    const problem = await read(answer);
    // A login that is too old for this one question is still a login.
    if (problem.status !== 401 || problem.kind === "login-too-old") throw problem;
    const now = this.voucher.token();
    // It was renewed while this was on its way: who tells of that told it too soon for this one.
    if (now !== null && now !== token) return await this.send(method, path, question, patienceMs);
    if (now === token) this.voucher.refused();
    throw problem;
  }
}

async function reach(path: string, request: RequestInit, given: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(path, request);
  } catch (failure) {
    if (given?.aborted === true) throw failure;
    throw new Unreachable("the sidecar does not answer", { cause: failure });
  }
}

async function whole<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (failure) {
    throw new Unreachable("the answer was cut off", { cause: failure });
  }
}

/** The address with rel="next" of a Link header (RFC 8288), only if it leads to this host. */
export function nextOf(link: string | null): string | null {
  const found = link === null ? null : /<(\/[^>]*)>\s*;\s*rel="next"/.exec(link);
  const path = found?.[1];
  return path === undefined || path.startsWith("//") ? null : path;
}

/** The path of what is asked of one patch. Ids are opaque: as a parameter even `a/b`, `.` in the middle or `pending` arrive whole. */
export function ofPatch(patchId: string, what = "", more: Readonly<Record<string, string>> = {}): string {
  return `/hitl/patches/_/${what}?${new URLSearchParams({ patch_id: patchId, ...more }).toString()}`;
}

export { Problem, Unreachable };
