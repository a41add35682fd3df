/** What can be done with the patch that is open, always in sight, each with its key. */

import { Button, Menu } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useContext, useState } from "react";
import { createPortal } from "react-dom";

import { DANGER } from "../design/theme";
import { amendCard } from "../api/queries";
import { ofPatch } from "../api/client";
import { Problem } from "../api/problem";
import type { Detail, Held } from "../api/types";
import { escaped } from "../design/hidden";
import { Moment } from "../design/piece";
import { useNow } from "../design/use-now";
import { useKeys } from "../keyboard/use-keys";
import { useChanges, useHeard } from "../live/use-live";
import { useNames } from "../people/use-people";
import { useClient, useMay, useMe } from "../session/use-session";
import { FootContext } from "../shell/foot";
import { Caps } from "../shell/keys-dialog";
import { type Key, useSpeech } from "../words/words";
import css from "./decision-bar.module.css";
import { CommentDialog } from "./comment-dialog";
import { type Draft, EMPTY, isEmpty, keep, read } from "./draft";
import { heldNow } from "./holding";
import { type Action, type Wish, isUnderWay } from "./outgoing";
import { possible } from "./possible";
import { useHold } from "./use-hold";
import { type Said, SayDialog } from "./say-dialog";
import { useDesk, useHolds, useOutgoingOf } from "./work";

type What = "approve" | "reject" | "comment" | "takeover" | "revoke" | "reopen" | "glass" | "glass_review";

/** `version` is what was on the screen when it opened: nobody has seen what came in under it. */
interface Open {
  readonly what: What;
  readonly version: string;
}

interface Props {
  readonly detail: Detail;
  readonly readAt: number;
  readonly goOn: () => void;
  /** Whether the patch is on the screen: nothing is approved before. */
  readonly isReady: boolean;
  /** What the person has to know before they decide. */
  readonly notice: ReactNode;
}

export function DecisionBar({ detail, readAt, goOn, isReady, notice }: Props) {
  const { say, time } = useSpeech();
  const { subject } = useMe();
  const person = { subject, isReviewer: useMay("reviewer"), mayBreakGlass: useMay("break-glass") };
  const can = possible(detail, person, useNow());
  const desk = useDesk();
  const outgoing = useOutgoingOf(detail.patch_id);
  const isBusy = outgoing !== null && isUnderWay(outgoing.stage);
  const [dialog, setDialog] = useState<Open | null>(null);
  const courtesy = useCourtesy(detail);
  useHold(detail.patch_id, can.claim && can.approve && isReady && !isBusy);
  const open = (what: What): void => {
    setDialog({ what, version: detail.version });
  };
  // Only that one: an answer that comes late closes nothing that was opened since.
  const close = (what: What): void => {
    setDialog((one) => (one?.what === what ? null : one));
  };
  const decide = (action: Action, body: Wish["body"], typed: Draft): void => {
    desk.decide({ patchId: detail.patch_id, version: dialog?.version ?? detail.version, action, body, typed });
    setDialog(null);
    goOn();
  };
  const approve = (typed: Draft, glass = false): void => {
    decide("approve", { ...(typed.text.trim() === "" ? {} : { comment: typed.text }), ...(glass ? { break_glass: true } : {}) }, typed);
  };
  // What was written for an approval that was refused is not thrown away by a quick one.
  const approveNow = (): void => {
    if (isEmpty(read(subject, detail.patch_id, "approve"))) approve(EMPTY);
    else open("approve");
  };
  const approveWord: Key = can.isOneOfSeveral && detail.approvals.length > 0 && !detail.approvals.includes(subject) ? "decide.second" : "decide.approve";
  const on = (possible: boolean, what: Key, run: () => void) => (possible && !isBusy ? { what, run } : null);
  const more = ([
    ["release", can.release, "m", () => { courtesy.mutate("release"); }],
    ["takeover", can.takeover, "t", () => { open("takeover"); }],
    ["glass", can.breakGlass && isReady, "Shift+g", () => { open("glass"); }],
    ["glass_review", can.reviewGlass, "v", () => { open("glass_review"); }],
    ["revoke", can.revoke, "Shift+r", () => { open("revoke"); }],
    ["reopen", can.reopen, "o", () => { open("reopen"); }],
  ] as const).filter(([, isPossible]) => isPossible);
  useKeys({
    ...Object.fromEntries(more.map(([what, , key, run]) => [key, on(true, `decide.${what}`, run)])),
    a: on(can.approve && isReady, "decide.approve", approveNow),
    "Shift+a": on(can.approve && isReady, "decide.approve_comment", () => { open("approve"); }),
    r: on(can.reject, "decide.reject", () => { open("reject"); }),
    c: on(can.comment, "decide.comment", () => { open("comment"); }),
    ...(can.release ? {} : { m: on(can.claim, "decide.claim", () => { courtesy.mutate("claim"); }) }),
  });
  const nameOf = useNames(detail.claimed_by);
  const held = { person: detail.claimed_by === null ? "" : nameOf(detail.claimed_by), until: detail.claimed_until === null ? "" : time(detail.claimed_until) };
  const forReason = (action: "revoke" | "reopen") => (reason: string, typed: Draft): void => { decide(action, { reason }, typed); };
  const reason = { label: "decide.reason", needsText: true } as const;
  const said: Readonly<Record<Exclude<What, "comment" | "glass_review">, Said>> = {
    approve: { what: "approve", verb: approveWord, label: "decide.comment.optional", needsText: false, done: (_, typed) => { approve(typed); } },
    glass: {
      what: "approve",
      verb: "decide.glass",
      ...reason,
      danger: true,
      lead: say("decide.glass.lead"),
      done: (_, typed) => { approve(typed, true); },
    },
    reject: {
      what: "reject",
      verb: "decide.reject",
      ...reason,
      presets: true,
      danger: true,
      done: (said, typed) => { decide("reject", { reason: said, presets: typed.presets }, typed); },
    },
    revoke: { what: "revoke", verb: "decide.revoke", ...reason, danger: true, lead: say("decide.revoke.lead"), done: forReason("revoke") },
    reopen: { what: "reopen", verb: "decide.reopen", ...reason, done: forReason("reopen") },
    takeover: {
      what: "takeover",
      verb: "decide.takeover",
      ...reason,
      lead: say("decide.takeover.lead", held),
      done: (said) => {
        courtesy.mutate({ takeover: said });
        close("takeover");
      },
    },
  };
  const what = dialog?.what ?? null;
  const foot = useContext(FootContext);
  if (foot === null) return null;
  return createPortal(
    <footer className={css["bar"]}>
      {notice}
      <Holder detail={detail} readAt={readAt} />
      {courtesy.error !== null && (
        <span role="alert" className={css["failure"]}>
          {escaped(courtesy.error instanceof Problem ? (courtesy.error.detail ?? courtesy.error.title) : courtesy.error.message)}
        </span>
      )}
      {!person.isReviewer && <span className={css["note"]}>{say("decide.read_only")}</span>}
      {can.approve && (
        <Button disabled={isBusy || !isReady} onClick={approveNow} rightSection={<Caps keys="a" />}>
          {say(approveWord)}
        </Button>
      )}
      {can.reject && (
        <Button disabled={isBusy} variant="outline" color={DANGER} onClick={() => { open("reject"); }} rightSection={<Caps keys="r" />}>
          {say("decide.reject")}
        </Button>
      )}
      {can.comment && (
        <Button variant="default" onClick={() => { open("comment"); }} rightSection={<Caps keys="c" />}>
          {say("decide.comment")}
        </Button>
      )}
      {can.claim && (
        <Button variant="default" loading={courtesy.isPending} onClick={() => { courtesy.mutate("claim"); }} rightSection={<Caps keys="m" />}>
          {say("decide.claim")}
        </Button>
      )}
      {more.length > 0 && (
        <Menu position="top-end">
          <Menu.Target>
            <Button variant="default">{say("decide.more")}</Button>
          </Menu.Target>
          <Menu.Dropdown className={css["more"] ?? ""}>
            {more.map(([what, , key, run]) => (
              <Menu.Item key={what} onClick={run} rightSection={<Caps keys={key} />}>
                {say(`decide.${what}`)}…
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      <Button variant="subtle" onClick={goOn} rightSection={<Caps keys="n" />}>
        {say("decide.next")}
      </Button>

      {what === "comment" || what === "glass_review" ? (
        <CommentDialog key={what} detail={detail} ofGlass={what === "glass_review"} close={() => { close(what); }} />
      ) : (
        what !== null && <SayDialog key={what} patchId={detail.patch_id} close={() => { close(what); }} {...said[what]} />
      )}
    </footer>,
    foot,
  );
}

function Holder({ detail, readAt }: { readonly detail: Detail; readonly readAt: number }) {
  const { say } = useSpeech();
  const { subject } = useMe();
  const { holders } = useHeard();
  const held = heldNow(detail, readAt, holders.get(detail.patch_id), useNow());
  const nameOf = useNames(held?.by);
  return (
    <span className={css["note"]}>
      {/* Who, and not how long still: that would be said again and again. */}
      <span role="status">{held !== null && (held.by === subject ? say("turn.held_by_me") : say("turn.held_by", { person: nameOf(held.by) }))}</span>
      {held?.until != null && (
        <>
          {" · "}
          <Moment at={held.until} as="relative" />
        </>
      )}
    </span>
  );
}

type Ask = "claim" | "release" | { readonly takeover: string };

/** Claim, release, take over: courtesies among reviewers that need no version and no undo. */
function useCourtesy(detail: Detail) {
  const client = useClient();
  const { subject } = useMe();
  const cached = useQueryClient();
  const changes = useChanges();
  const holds = useHolds();
  return useMutation({
    mutationFn: async (ask: Ask) => {
      const what = typeof ask === "string" ? ask : "takeover";
      const body = typeof ask === "string" ? {} : { reason: ask.takeover };
      return (await client.post<Held>(ofPatch(detail.patch_id, what), { body })).body;
    },
    onSuccess: (held, ask) => {
      holds.forget(detail.patch_id);
      if (typeof ask !== "string") keep(subject, detail.patch_id, "takeover", EMPTY);
      changes.hold(detail.patch_id);
      amendCard(cached, detail.patch_id, (had) => ({ ...had, claimed_by: held.claimed_by, claimed_until: held.claimed_until }));
    },
  });
}

