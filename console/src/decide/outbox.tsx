/** What is on its way: not sent yet and still to be taken back, being sent, done, or refused and why. */

import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { keys } from "../api/queries";
import type { Problem, Unreachable } from "../api/problem";
import { escaped } from "../design/hidden";
import { Id } from "../design/piece";
import { useKeys } from "../keyboard/use-keys";
import { useNames } from "../people/use-people";
import { toPatch, useGo, useView } from "../place";
import { StepUp } from "../session/step-up";
import { type Key, useSpeech } from "../words/words";
import { isEmpty } from "./draft";
import { type Action, type Outgoing, type Wish, isGivenBack } from "./outgoing";
import css from "./outbox.module.css";
import { reasonOf, winnerOf } from "./reason";
import { useDesk, useOutgoing } from "./work";

const SHOWN_MAX = 4;

export function Outbox() {
  const desk = useDesk();
  const all = useOutgoing();
  const { say } = useSpeech();
  const undoable = desk.undoable();
  useKeys({
    u: undoable === null ? null : { what: "keys.undo", run: () => { desk.undo(undoable.key); } },
  });
  // What needs the person stands there until they have seen it, however much else is sent.
  const needy = all.filter(({ stage }) => isGivenBack(stage) || stage.kind === "login_too_old");
  const shown = [...needy, ...all.filter((one) => !needy.includes(one)).slice(-SHOWN_MAX)];
  return (
    <section className={css["outbox"]} aria-label={say("decide.sending")} aria-live="polite">
      {shown.map((one) => (
        <Line key={one.key} one={one} />
      ))}
    </section>
  );
}

function Line({ one }: { readonly one: Outgoing }) {
  const { stage } = one;
  switch (stage.kind) {
    case "waiting":
      return <Waiting one={one} sendsAt={stage.sendsAt} />;
    case "sending":
      return <Sending wish={one.wish} />;
    case "done":
      return <Done wish={one.wish} missing={stage.missing} />;
    case "login_too_old":
      return <LoginTooOld one={one} />;
    case "left":
      return <Left one={one} sent={stage.sent} />;
    case "refused":
      return <Refused one={one} problem={stage.problem} />;
  }
}

function Waiting({ one, sendsAt }: { readonly one: Outgoing; readonly sendsAt: number }) {
  const { say } = useSpeech();
  const desk = useDesk();
  const seconds = useSecondsUntil(sendsAt);
  return (
    <div className={css["line"]} data-stage="waiting">
      <What wish={one.wish} />
      {/* Said once; a countdown that is read out every second would be a nuisance. */}
      <span>{say("decide.not_sent")}</span>
      <span aria-hidden="true">{say("decide.sends_in", { seconds })}</span>
      <Button size="compact-sm" variant="default" onClick={() => { desk.undo(one.key); }}>
        {say("decide.undo")}
      </Button>
      <Button size="compact-sm" variant="subtle" onClick={() => { desk.sendNow(one.key); }}>
        {say("decide.send_now")}
      </Button>
    </div>
  );
}

function Sending({ wish }: { readonly wish: Wish }) {
  const { say } = useSpeech();
  return (
    <div className={css["line"]} data-stage="sending">
      <What wish={wish} />
      <span>{say("decide.sending")}…</span>
    </div>
  );
}

const DONE: Readonly<Record<Action, Key>> = {
  approve: "decide.done.approve",
  reject: "decide.done.reject",
  revoke: "decide.done.revoke",
  reopen: "decide.done.reopen",
};

function Done({ wish, missing }: { readonly wish: Wish; readonly missing: number }) {
  const { say } = useSpeech();
  return (
    <div className={css["line"]} data-stage="done">
      <Id text={wish.patchId} />{" "}
      <span>{missing > 0 ? say("decide.done.vote", { missing }) : say(DONE[wish.action])}</span>
    </div>
  );
}

function LoginTooOld({ one }: { readonly one: Outgoing }) {
  const { say } = useSpeech();
  const desk = useDesk();
  return (
    <div className={css["line"]} data-stage="refused" role="alert">
      <What wish={one.wish} />
      <StepUp verb="login.step_up" done={() => { desk.sendNow(one.key); }} />
      <Button size="compact-sm" variant="default" onClick={() => { desk.dismiss(one.key); }}>
        {say("decide.cancel")}
      </Button>
    </div>
  );
}

function Refused({ one, problem }: { readonly one: Outgoing; readonly problem: Problem | Unreachable }) {
  const speech = useSpeech();
  const nameOf = useNames(winnerOf(problem));
  return <GivenBack one={one} why={reasonOf(one.wish.patchId, problem, speech, nameOf)} />;
}

function Left({ one, sent }: { readonly one: Outgoing; readonly sent: boolean }) {
  const { say } = useSpeech();
  return <GivenBack one={one} why={say(sent ? "decide.left.unknown" : "decide.left.unsent", { patch: escaped(one.wish.patchId) })} />;
}

/** What the person has to look at again, and why. */
function GivenBack({ one, why }: { readonly one: Outgoing; readonly why: string }) {
  const { say } = useSpeech();
  const desk = useDesk();
  const go = useGo();
  const cached = useQueryClient();
  const [view] = useView();
  return (
    <div className={css["line"]} data-stage="refused" role="alert">
      <span className={css["reason"]}>
        {why}
        {!isEmpty(one.wish.typed) && ` ${say("decide.kept")}`}
      </span>
      <Button
        size="compact-sm"
        onClick={() => {
          desk.dismiss(one.key);
          // Also where it is the one that is open: it is read anew.
          void cached.invalidateQueries({ queryKey: keys.patch(one.wish.patchId) });
          go(toPatch(one.wish.patchId, view));
        }}
      >
        {say("decide.look_again")}
      </Button>
      <Button size="compact-sm" variant="default" onClick={() => { desk.dismiss(one.key); }}>
        {say("decide.dismiss")}
      </Button>
    </div>
  );
}

const WHAT: Readonly<Record<Action, Key>> = {
  approve: "decide.approve",
  reject: "decide.reject",
  revoke: "decide.revoke",
  reopen: "decide.reopen",
};

function What({ wish }: { readonly wish: Wish }) {
  const { say } = useSpeech();
  return (
    <span className={css["what"]}>
      <strong>{say(WHAT[wish.action])}</strong> <Id text={wish.patchId} />
    </span>
  );
}

function useSecondsUntil(at: number): number {
  const [left, setLeft] = useState(() => Math.ceil((at - Date.now()) / 1_000));
  useEffect(() => {
    const timer = setInterval(() => { setLeft(Math.ceil((at - Date.now()) / 1_000)); }, 250);
    return () => {
      clearInterval(timer);
    };
  }, [at]);
  return Math.max(0, left);
}
