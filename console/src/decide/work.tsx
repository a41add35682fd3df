/** What one person does in one tab: decisions on their way, and what is heard meanwhile. Ends with the person. */

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";

import { amend, amendCard, keys } from "../api/queries";
import { type Client, Unreachable, ofPatch } from "../api/client";
import type { Approved, Held } from "../api/types";
import { Changes } from "../live/changes";
import { Live } from "../live/live";
import { LiveContext } from "../live/use-live";
import type { Session } from "../session/session";
import { useClient, useMe, useSession } from "../session/use-session";
import { attend } from "./attend";
import * as draft from "./draft";
import { type Ask, Holds, type Standing } from "./holds";
import { Desk, type Outgoing, type Send, type Wish, clock, isGivenBack } from "./outgoing";

const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("no desk around");
  return desk;
}

const HoldsContext = createContext<Holds | null>(null);

export function useHolds(): Holds {
  const holds = useContext(HoldsContext);
  if (holds === null) throw new Error("no holds around");
  return holds;
}

export function useOutgoing(): readonly Outgoing[] {
  const desk = useDesk();
  return useSyncExternalStore(desk.subscribe, desk.now);
}

/** What is on its way about one patch, or has just been settled. */
export function useOutgoingOf(patchId: string): Outgoing | null {
  return useOutgoing().findLast(({ wish }) => wish.patchId === patchId) ?? null;
}

export function Work({ children }: { readonly children: ReactNode }) {
  const client = useClient();
  const session = useSession();
  const cached = useQueryClient();
  const { subject } = useMe();
  const [changes] = useState(() => new Changes());
  const [desk] = useState(
    () =>
      new Desk(sender(client, session, subject), (wish, stage) => {
        draft.settle(subject, wish, stage);
        if (stage.kind === "done") mark(cached, changes, wish, stage.missing, subject);
        void cached.invalidateQueries({ queryKey: keys.patch(wish.patchId), refetchType: "none" });
      }, draft.memory(subject)),
  );
  const [holds] = useState(() => new Holds(holder(client, session, cached, changes), (patchId) => standingOf(desk, patchId), clock));
  const [live] = useState(
    () =>
      new Live(client, {
        heard: (change) => {
          changes.hear(change);
          if (change.type === "claim_changed") amend(cached, change.patch_id, (review) => ({ ...review, claimed_by: change.claimed_by }));
        },
        // Never what is being read: whether that is old, the sidecar says when it is decided on.
        missed: () => {
          changes.miss();
          void cached.invalidateQueries({ queryKey: ["facets"] });
        },
      }),
  );
  useEffect(() => {
    const leave = (): void => {
      desk.leave();
      holds.leaveAll();
    };
    const warn = (event: BeforeUnloadEvent): void => {
      if (desk.wouldLose()) event.preventDefault();
    };
    const wake = (): void => {
      if (document.visibilityState === "visible") live.wake();
    };
    const part = attend(session, cached, desk, live);
    const letGo = desk.subscribe(holds.look);
    draft.forgetOthers(subject);
    live.open();
    desk.resume();
    window.addEventListener("pagehide", leave);
    window.addEventListener("beforeunload", warn);
    window.addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    return () => {
      part();
      letGo();
      live.close();
      desk.close();
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("beforeunload", warn);
      window.removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", wake);
    };
  }, [cached, desk, holds, live, session, subject]);
  return (
    <DeskContext value={desk}>
      <HoldsContext value={holds}>
        <LiveContext value={{ live, changes }}>{children}</LiveContext>
      </HoldsContext>
    </DeskContext>
  );
}

const BECOMES = { approve: "approved", reject: "rejected", revoke: "revoked", reopen: null } as const;

/** What was done is seen in the list that was read before: it is nobody's turn any more. */
function mark(cached: QueryClient, changes: Changes, { patchId, action }: Wish, missing: number, subject: string): void {
  const decision = BECOMES[action];
  if (missing > 0) amend(cached, patchId, (review) => ({ ...review, approvals: [...new Set([...review.approvals, subject])] }));
  else if (decision !== null) changes.decide(patchId, { decision, by: subject });
}

/** Claims and lets go in the name of whoever is logged in. */
function holder(client: Client, session: Session, cached: QueryClient, changes: Changes): Ask {
  return async (patchId, what, leaving) => {
    if (session.now().kind !== "in") throw new Unreachable("nobody is logged in");
    const { body } = await client.post<Held>(ofPatch(patchId, what), { keepalive: leaving });
    changes.hold(patchId);
    amendCard(cached, patchId, (had) => ({ ...had, claimed_by: body.claimed_by, claimed_until: body.claimed_until }));
  };
}

function standingOf(desk: Desk, patchId: string): Standing {
  const stage = desk.now().findLast(({ wish }) => wish.patchId === patchId)?.stage;
  if (stage?.kind === "done") return "decided"; // the claim went with it, also by one approval of several
  return stage === undefined || isGivenBack(stage) ? "open" : "deciding";
}

const KEEPALIVE_MAX = 8_000; // of the 64 KiB that a browser has for all of them

/** Sends in the name of one person, and of nobody who logged in after them. */
function sender(client: Client, session: Session, subject: string): Send {
  return async ({ patchId, action, version, body }, key, leaving) => {
    const who = session.now();
    if (who.kind === "out" || who.me.subject !== subject) throw new Unreachable("whoever decided this is not logged in");
    const keepalive = leaving || JSON.stringify(body).length < KEEPALIVE_MAX;
    const answer = await client.post<Partial<Approved>>(ofPatch(patchId, action), { body, version, key, keepalive });
    const { state, approvals = [], approvals_required: needed = 0 } = answer.body;
    return { missing: state === "pending" && action === "approve" ? Math.max(0, needed - approvals.length) : 0 };
  };
}
