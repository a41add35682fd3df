/** The demo's login: whoever is on this machine may be anybody of the demo. */

import { Client } from "../api/client";
import type { DemoPerson, DemoToken } from "../api/types";
import { type Grant, type Issuer, grantOf } from "./grant";

const stranger = new Client({ token: () => null, refused: () => undefined });

/** Who one can be. Raises Problem, Unreachable. */
export async function people(): Promise<readonly DemoPerson[]> {
  return (await stranger.get<DemoPerson[]>("/demo/people")).body;
}

/** Gives tokens for the person who was chosen; asked again without a name it is the same one. */
export class DemoIssuer implements Issuer {
  private chosen: string | null = null;

  async signIn({ person }: { readonly person?: string }): Promise<Grant | null> {
    this.chosen = person ?? this.chosen;
    if (this.chosen === null) return null;
    const { body } = await stranger.post<DemoToken>("/demo/token", { body: { name: this.chosen } });
    return grantOf(body, Date.now());
  }

  renew(): Promise<Grant | null> {
    return Promise.resolve(null);
  }

  farewell(): null {
    this.chosen = null;
    return null;
  }
}
