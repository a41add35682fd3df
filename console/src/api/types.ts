/** The shapes of the API by their short names; `schema.d.ts` is generated from the committed OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Review = Schemas["Review"];
export type Rule = Schemas["Rule"];
export type Detail = Schemas["Detail"];
export type Result = Schemas["Result"];
export type RoundArtefact = Schemas["RoundArtefact"];
export type Cvss = Schemas["Cvss"];
export type Author = Schemas["Author"];
export type Related = Schemas["Related"];
export type AuditEntry = Schemas["AuditEntry"];
export type Facets = Schemas["Facets"];
export type Summary = Schemas["Summary"];
export type Timeline = Schemas["Timeline"];
export type Day = Schemas["Day"];
export type Approved = Schemas["Approved"];
export type Decided = Schemas["Decided"];
export type Reopened = Schemas["Reopened"];
export type Held = Schemas["Held"];
export type Said = Schemas["Said"];
export type BatchAnswer = Schemas["BatchAnswer"];
export type ItemAnswer = Schemas["ItemAnswer"];
export type Ticket = Schemas["Ticket"];
export type DemoPerson = Schemas["DemoPerson"];
export type DemoToken = Schemas["Token"];
export type Person = Schemas["Person"];
export type Me = Schemas["Me"];
export type ConsoleConfig = Schemas["ConsoleConfig"];
export type Severity = NonNullable<Review["severity"]>;
export type Risk = NonNullable<Review["risk"]>;
export type State = Detail["state"];

/** One exploit of a wargame, as upstream sends it. */
export interface Exploit {
  readonly exploit_id?: unknown;
  readonly category?: unknown;
  readonly phase1_exploit_worked?: unknown;
  readonly phase2_exploit_worked?: unknown;
  readonly error?: unknown;
  readonly duration_ms?: unknown;
}

/** What is told over the WebSocket. */
export type Change =
  | { readonly type: "review_opened" | "review_changed"; readonly cursor: string; readonly patch_id: string; readonly version: string }
  | {
      readonly type: "decision_made";
      readonly cursor: string;
      readonly patch_id: string;
      readonly version: string;
      readonly decision: string;
      readonly decided_by: string;
    }
  | { readonly type: "claim_changed"; readonly cursor: string; readonly patch_id: string; readonly claimed_by: string | null }
  | { readonly type: "queue_changed"; readonly cursor: string; readonly count: number };
