/** Deciding many together: choose what, see exactly what would happen, do it for those that can be, read what happened to each. */

import { Button, Group, Progress, SegmentedControl, Stack, Textarea } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";

import { DANGER } from "../design/theme";
import { Dialog } from "../design/dialog";
import { TEXT_MAX } from "../api/limits";
import { problemOf } from "../api/problem";
import { keys } from "../api/queries";
import type { ItemAnswer, Review } from "../api/types";
import { Presets, withPresets } from "../decide/presets";
import { reasonOf, winnerOf } from "../decide/reason";
import { escaped } from "../design/hidden";
import { Failure } from "../design/state";
import { useStay } from "../design/use-stay";
import { Chip, Foreign } from "../design/piece";
import { useNames } from "../people/use-people";
import { StepUp } from "../session/step-up";
import { useClient } from "../session/use-session";
import { type Speech, useSpeech } from "../words/words";
import type { View } from "../queue/view";
import { type Item, type Order, TAKEN_MAX, act, collect, isSkipped, itemOf, keysFor } from "./batch";
import css from "./batch-dialog.module.css";

interface Props {
  readonly view: View;
  readonly chosen: readonly Review[];
  /** All that pass the view's filters, and not only `chosen`. */
  readonly all: boolean;
  /** What was chosen and written so far: whoever closes it before all was done, and comes back, finds it. */
  readonly order: Order;
  readonly change: (order: Order) => void;
  /** Closed before everything had its answer: nothing, some or all of it may have been done. */
  readonly cancel: () => void;
  /** Everything had its answer, and it was read. */
  readonly finish: () => void;
}

export function BatchDialog({ view, chosen, all, order: chosenOrder, change, cancel, finish }: Props) {
  const speech = useSpeech();
  const { say } = speech;
  const client = useClient();
  const cached = useQueryClient();
  const order = chosenOrder.action === "reject" ? { ...chosenOrder, text: withPresets(chosenOrder.text, chosenOrder.presets, speech) } : chosenOrder;
  const [progress, setProgress] = useState<readonly [number, number]>([0, 0]);
  const [done, setDone] = useState<readonly ItemAnswer[]>([]);
  const plan = async (items: readonly Item[]) => {
    const answers = await act(client, items, order, null, (done) => { setProgress([done.length, items.length]); });
    const possible = items.filter((_, index) => answers[index] !== undefined && !isSkipped(answers[index]));
    return { items, answers, possible, keys: keysFor(possible) };
  };
  const planning = useMutation({
    // Of all that was chosen, or once some was done only of what is left.
    mutationFn: async (left: readonly Item[] | null) => {
      if (left !== null) return await plan(left);
      const found = all ? await collect(client, view, (count) => { setProgress([0, count]); }) : [];
      const known = new Set(found.map(({ patch_id: id }) => id));
      const picked = chosen.map(itemOf).filter(({ patch_id: id }) => !known.has(id));
      return await plan([...picked, ...found].slice(0, TAKEN_MAX));
    },
  });
  const doing = useMutation({
    mutationFn: async ({ items, keys: given }: { readonly items: readonly Item[]; readonly keys: readonly string[] }) =>
      await act(client, items, order, given, (done) => {
        setDone(done);
        setProgress([done.length, items.length]);
      }),
    onSettled: () => void cached.invalidateQueries({ queryKey: keys.queue }),
  });
  const planned = planning.data?.answers;
  const possible = planning.data?.possible ?? [];
  useStay(doing.isPending);
  // What was done is done, also where the rest failed.
  const shown = done.length > 0 ? done : planned;
  const unproven = done.length > 0 ? possible.filter((_, index) => done[index] !== undefined && isLoginTooOld(done[index])) : null;
  const busy = planning.isPending || doing.isPending;
  const close = doing.isSuccess ? finish : cancel;
  return (
    <Dialog opened onClose={doing.isPending ? () => undefined : close} withCloseButton={!doing.isPending} size="xl" title={say("batch.title", { count: planning.data?.items.length ?? chosen.length })}>
      <Stack>
        {planned === undefined && <Choice order={chosenOrder} change={change} disabled={busy} />}
        {all && planning.data?.items.length === TAKEN_MAX && <p role="note">{say("batch.limited", { count: TAKEN_MAX })}</p>}
        {busy && (
          <div role="status">
            <Progress value={progress[1] === 0 ? 0 : (100 * progress[0]) / progress[1]} aria-label={say("decide.sending")} />
            {say("batch.progress", { done: progress[0], all: progress[1] })}
          </div>
        )}
        {planning.error !== null && <Failure failure={planning.error} />}
        {doing.error !== null && <p role="alert">{say("batch.lost", { reason: escaped(doing.error.message) })}</p>}
        {shown !== undefined && (
          <>
            <h3>{say(done.length === 0 ? "batch.outcome" : "batch.result")}</h3>
            <Tally answers={shown} />
            <Answers answers={shown} />
          </>
        )}
        {!busy && shown?.some(isLoginTooOld) === true && (
          <Group role="alert" gap="xs">
            <StepUp
              verb="login.again"
              done={() => {
                doing.reset();
                setDone([]);
                planning.mutate(unproven);
              }}
            />
          </Group>
        )}
        {planned !== undefined && doing.data === undefined && possible.length === 0 && <p>{say("batch.nothing")}</p>}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} disabled={doing.isPending}>
            {say(doing.isIdle ? "decide.cancel" : "batch.close")}
          </Button>
          {planned === undefined && (
            <Button loading={busy} disabled={order.action === "reject" && order.text.trim() === ""} onClick={() => { planning.mutate(null); }}>
              {say("batch.dry_run")}
            </Button>
          )}
          {planned !== undefined && doing.data === undefined && possible.length > 0 && (
            <Button loading={busy} {...(order.action === "reject" ? { color: DANGER } : {})} onClick={() => { if (planning.data !== undefined) doing.mutate({ items: possible, keys: planning.data.keys }); }}>
              {say("batch.do", { count: possible.length })}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  );
}

interface ChoiceProps {
  readonly order: Order;
  readonly change: (order: Order) => void;
  readonly disabled: boolean;
}

function Choice({ order, change, disabled }: ChoiceProps) {
  const { say } = useSpeech();
  const isRejecting = order.action === "reject";
  return (
    <>
      <SegmentedControl
        disabled={disabled}
        value={order.action}
        data={[
          { value: "reject", label: say("decide.reject") },
          { value: "approve", label: say("decide.approve") },
        ]}
        onChange={(action) => { change({ ...order, action: action === "approve" ? "approve" : "reject" }); }}
      />
      {isRejecting && <Presets chosen={order.presets} change={(presets) => { change({ ...order, presets }); }} disabled={disabled} />}
      <Textarea
        disabled={disabled}
        label={say(isRejecting ? "decide.reason" : "decide.comment.optional")}
        required={isRejecting && order.presets.length === 0}
        autosize
        minRows={2}
        maxLength={TEXT_MAX}
        data-autofocus
        value={order.text}
        onChange={({ currentTarget }) => { change({ ...order, text: currentTarget.value }); }}
      />
    </>
  );
}

function Tally({ answers }: { readonly answers: readonly ItemAnswer[] }) {
  const speech = useSpeech();
  const counts = new Map<string, number>();
  for (const { outcome } of answers) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return (
    <Group gap="xs">
      {[...counts].map(([outcome, count]) => (
        <Chip key={outcome} tone={outcome === "skipped" ? "doubt" : "good"}>
          {speech.number(count)} · {wordOf(outcome, speech)}
        </Chip>
      ))}
    </Group>
  );
}

/** What needs another look comes first. */
function Answers({ answers: given }: { readonly answers: readonly ItemAnswer[] }) {
  const speech = useSpeech();
  const answers = useMemo(() => [...given.filter(isSkipped), ...given.filter((one) => !isSkipped(one))], [given]);
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: answers.length, getScrollElement: () => box.current, estimateSize: () => 34, overscan: 10 });
  return (
    <div ref={box} className={css["box"]} tabIndex={0} role="region" aria-label={speech.say("batch.outcome")}>
      <ul className={css["list"]} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start, size }) => {
          const answer = answers[index];
          if (answer === undefined) return null;
          return (
            <li key={index} className={css["line"]} style={{ transform: `translateY(${String(start)}px)`, height: size }}>
              <span className={css["id"]}>
                <Foreign text={answer.patch_id} />
              </span>
              {isSkipped(answer) ? <Skipped answer={answer} /> : <span>{wordOf(answer.outcome, speech)}</span>}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function isLoginTooOld({ status, problem }: ItemAnswer): boolean {
  return problemOf(status, problem ?? {}).kind === "login-too-old";
}

function Skipped({ answer }: { readonly answer: ItemAnswer }) {
  const speech = useSpeech();
  const problem = problemOf(answer.status, answer.problem ?? {});
  const nameOf = useNames(winnerOf(problem));
  const why = speech.say("batch.skipped_for", { reason: reasonOf(answer.patch_id, problem, speech, nameOf) });
  return (
    <span className={css["why"]} title={why}>
      {why}
    </span>
  );
}

function wordOf(outcome: string, { sayOr }: Speech): string {
  return sayOr(`batch.${outcome}`, outcome);
}
