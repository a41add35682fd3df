/**
 * Logs in with an OpenID provider: authorization code with PKCE. The first login leaves the page and comes back; later ones (a fresh
 * login for a critical patch, an ended session) go through a window of their own, so that what is being written stays where it is.
 */

import { type Grant, type Issuer, grantOf } from "./grant";
import { challenge, secret } from "./pkce";

const BEGUN = "hitl.login";
const CHANNEL = "hitl.login";
const GIVEN_UP_MS = 300_000;

/** Where the provider is, and who this console is to it. */
export interface Provider {
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
}

interface Endpoints {
  readonly authorization: string;
  readonly token: string;
  readonly endSession: string | null;
}

/** A login that was begun, as this tab remembers it until the provider sends the browser back. */
interface Begun {
  readonly state: string;
  readonly verifier: string;
  readonly aside: boolean;
  readonly backTo: string;
}

/** What the provider sent along when it sent the browser back. */
export interface Returned {
  readonly state: string;
  readonly code: string | null;
  readonly error: string | null;
}

/** What an address says that the provider sent the browser back to; null for any other. */
export function returned(address: URL): Returned | null {
  const state = address.searchParams.get("state");
  if (address.pathname !== "/signed-in" || state === null) return null;
  return { state, code: address.searchParams.get("code"), error: address.searchParams.get("error") };
}

/** Hands what was returned to the page that waits for it, if it was a window of its own that was sent back; says whether it was. */
export function handOver(found: Returned): boolean {
  const begun = remembered();
  if (begun === null || begun.state !== found.state || !begun.aside) return false;
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(found);
  channel.close();
  window.close();
  return true;
}

export class OidcIssuer implements Issuer {
  private known: Endpoints | null = null;
  private givingUp: AbortController | null = null;

  constructor(private readonly provider: Provider) {}

  async signIn({ aside, fresh }: { readonly aside: boolean; readonly fresh: boolean }): Promise<Grant | null> {
    const opened = aside ? window.open("about:blank", "hitl-login", "popup,width=480,height=720") : null;
    const begun: Begun = { state: secret(), verifier: secret(), aside: opened !== null, backTo: location.pathname + location.search };
    // A window copies this when it is opened, and the page itself finds it again when it comes back.
    sessionStorage.setItem(BEGUN, JSON.stringify(begun));
    opened?.sessionStorage.setItem(BEGUN, JSON.stringify(begun));
    const address = await this.address(begun, fresh);
    if (opened === null) {
      location.assign(address);
      return await new Promise<never>(() => undefined);
    }
    opened.location.assign(address);
    this.givingUp?.abort();
    this.givingUp = new AbortController();
    const found = await answered(begun.state, this.givingUp.signal);
    return found?.code == null ? null : await this.exchange(found.code, begun.verifier);
  }

  /** Ends a login for which the page was left: the grant, and where the person had been. Raises Error. */
  async complete(found: Returned): Promise<{ readonly grant: Grant; readonly backTo: string }> {
    const begun = remembered();
    sessionStorage.removeItem(BEGUN);
    if (begun === null || begun.state !== found.state) throw new Error("this login was not begun here");
    if (found.code === null) throw new Error(found.error ?? "the provider sent no code");
    return { grant: await this.exchange(found.code, begun.verifier), backTo: begun.backTo };
  }

  async renew(grant: Grant): Promise<Grant | null> {
    if (grant.refresh === null) return null;
    const answer = await this.post({ grant_type: "refresh_token", refresh_token: grant.refresh });
    if (answer.status >= 500) throw new Error(`the provider does not answer (HTTP ${String(answer.status)})`);
    if (!answer.ok) return null;
    const next = grantOf(await answer.json(), Date.now());
    return { ...next, refresh: next.refresh ?? grant.refresh, idToken: next.idToken ?? grant.idToken };
  }

  farewell(grant: Grant): string | null {
    const where = this.known?.endSession ?? null;
    if (where === null) return null;
    const told = new URLSearchParams({ client_id: this.provider.clientId, post_logout_redirect_uri: `${location.origin}/` });
    if (grant.idToken !== null) told.set("id_token_hint", grant.idToken);
    return `${where}?${told.toString()}`;
  }

  private async discover(): Promise<Endpoints> {
    this.known ??= await discover(this.provider.issuer);
    return this.known;
  }

  private async address(begun: Begun, fresh: boolean): Promise<string> {
    const { authorization } = await this.discover();
    const asked = new URLSearchParams({
      response_type: "code",
      client_id: this.provider.clientId,
      redirect_uri: `${location.origin}/signed-in`,
      scope: this.provider.scope,
      state: begun.state,
      code_challenge: await challenge(begun.verifier),
      code_challenge_method: "S256",
      ...(fresh ? { prompt: "login", max_age: "0" } : {}),
    });
    return `${authorization}?${asked.toString()}`;
  }

  private async exchange(code: string, verifier: string): Promise<Grant> {
    const answer = await this.post({
      grant_type: "authorization_code",
      code,
      code_verifier: verifier,
      redirect_uri: `${location.origin}/signed-in`,
    });
    if (!answer.ok) throw new Error(`the provider refused the login (HTTP ${String(answer.status)})`);
    return grantOf(await answer.json(), Date.now());
  }

  private async post(told: Readonly<Record<string, string>>): Promise<Response> {
    const { token } = await this.discover();
    const body = new URLSearchParams({ client_id: this.provider.clientId, ...told });
    return await fetch(token, { method: "POST", body, credentials: "omit" });
  }
}

async function discover(issuer: string): Promise<Endpoints> {
  const answer = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, { credentials: "omit" });
  const told = (await answer.json()) as Record<string, unknown>;
  const { authorization_endpoint: authorization, token_endpoint: token, end_session_endpoint: endSession } = told;
  if (told["issuer"] !== issuer || typeof authorization !== "string" || typeof token !== "string") {
    throw new Error("the provider's discovery document is not that of the issuer");
  }
  return { authorization, token, endSession: typeof endSession === "string" ? endSession : null };
}

function remembered(): Begun | null {
  const kept = sessionStorage.getItem(BEGUN);
  return kept === null ? null : (JSON.parse(kept) as Begun);
}

/**
 * What the window hands over; null if nothing came for minutes, or another login was begun instead. Whether the window is closed is not
 * looked at: a provider's page may have cut it off from this one, and then it seems to be.
 */
async function answered(state: string, instead: AbortSignal): Promise<Returned | null> {
  const channel = new BroadcastChannel(CHANNEL);
  try {
    return await new Promise((resolve) => {
      channel.onmessage = ({ data }: MessageEvent<Returned>) => {
        if (data.state === state) resolve(data);
      };
      AbortSignal.any([instead, AbortSignal.timeout(GIVEN_UP_MS)]).addEventListener("abort", () => {
        resolve(null);
      });
    });
  } finally {
    channel.close();
  }
}
