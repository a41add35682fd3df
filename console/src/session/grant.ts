/** What a login gives: a token that lives in memory and nowhere else, and when it ends. */

export interface Grant {
  readonly token: string;
  readonly expiresAt: number;
  readonly refresh: string | null;
  readonly idToken: string | null;
}

/** How people log in here: the demo's own list, or a provider. */
export interface Issuer {
  /** Log in, by leaving this page if `aside` is false; resolves with null if the person gave up. */
  signIn(how: { readonly aside: boolean; readonly fresh: boolean; readonly person?: string }): Promise<Grant | null>;
  /** Another token without asking the person; null where that is refused or not possible. Raises Error while nobody answers. */
  renew(grant: Grant): Promise<Grant | null>;
  /** Where to go to end the login at the provider as well; null where that is nowhere. */
  farewell(grant: Grant): string | null;
}

/** A grant of a token endpoint's answer (RFC 6749 5.1). Raises Error. */
export function grantOf(answer: unknown, nowMs: number): Grant {
  const told = (typeof answer === "object" && answer !== null ? answer : {}) as Record<string, unknown>;
  const token = told["access_token"];
  if (typeof token !== "string" || token === "") throw new Error("the provider gave no access token");
  const seconds = typeof told["expires_in"] === "number" ? told["expires_in"] : 300;
  const text = (name: string): string | null => (typeof told[name] === "string" ? told[name] : null);
  return { token, expiresAt: nowMs + seconds * 1_000, refresh: text("refresh_token"), idToken: text("id_token") };
}
