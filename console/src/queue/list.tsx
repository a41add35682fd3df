/** The rows, as many as there are: only those in sight are drawn, and more are asked for near the end. */

import { Button } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, useState } from "react";

import type { Review } from "../api/types";
import { useOutgoing } from "../decide/work";
import { useKeys } from "../keyboard/use-keys";
import { useHeard } from "../live/use-live";
import { BY_NEXT, toPatch, useGo } from "../place";
import { useMay } from "../session/use-session";
import { useSpeech } from "../words/words";
import { useNext } from "./use-next";
import css from "./list.module.css";
import { Row } from "./row";
import type { Selection } from "./selection";
import { comeBack, indexOf, leave } from "./spot";
import type { Line, Queue } from "./use-queue";
import { type View, write } from "./view";

const ROW_PX = 68;
const TITLE_PX = 36;
const AHEAD = 30;

interface Props {
  readonly view: View;
  readonly queue: Queue;
  readonly selection: Selection;
}

export function List({ view, queue, selection }: Props) {
  const { say } = useSpeech();
  const go = useGo();
  const mayReview = useMay("reviewer");
  const { decided } = useHeard();
  const outgoing = useOutgoing();
  const box = useRef<HTMLDivElement>(null);
  const address = write(view).toString();
  const [back] = useState(() => comeBack(address));
  const [spot, setSpot] = useState(back?.spot ?? null);
  // Where the last key led, drawn or not: keys come faster than pictures. Null until the first.
  const place = useRef(spot);
  const { lines, reviews } = queue;
  const at = Math.max(0, indexOf(spot, reviews));
  const next = useNext(reviews, null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: (index) => (lines[index]?.kind === "title" ? TITLE_PX : ROW_PX),
    getItemKey: (index) => keyOf(lines[index], index),
    overscan: 8,
    initialOffset: back?.offset ?? 0,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (lastShown >= lines.length - AHEAD) queue.more();
  });

  useEffect(
    () => () => {
      leave({ view: address, spot: place.current, offset: virtual.scrollOffset ?? 0 });
    },
    [address, virtual],
  );

  const returning = useRef<"scroll" | "focus" | null>(back?.spot == null ? null : "scroll");
  useEffect(() => {
    if (returning.current === "scroll") {
      virtual.scrollToIndex(lines.findIndex((line) => line.kind === "review" && line.index === at), { align: "auto" });
      returning.current = "focus";
    }
    const row = returning.current === null ? null : box.current?.querySelector<HTMLElement>("[data-current=true] a");
    if (row == null) return; // not drawn yet
    returning.current = null;
    if (document.activeElement?.matches("body,h1") === true) row.focus({ preventScroll: true });
  });

  const come = useCallback((index: number, patchId: string): void => {
    place.current = { patchId, index };
    setSpot(place.current);
  }, []);
  const chosen = useRef(selection);
  useEffect(() => {
    chosen.current = selection;
  });
  const select = useCallback(
    (index: number, patchId: string, isRange: boolean): void => {
      come(index, patchId);
      if (isRange) chosen.current.extend(patchId);
      else chosen.current.toggle(patchId);
    },
    [come],
  );
  const move = (by: number): void => {
    const to = place.current === null ? 0 : indexOf(place.current, reviews) + by;
    const bounded = Math.max(0, Math.min(to, reviews.length - 1));
    const patchId = reviews[bounded]?.patch_id ?? "";
    come(bounded, patchId);
    virtual.scrollToIndex(lines.findIndex((line) => line.kind === "review" && line.index === bounded), { align: "auto" });
    // The row may have to be drawn first.
    requestAnimationFrame(() => {
      if (place.current?.patchId !== patchId) return;
      box.current?.querySelector<HTMLElement>(`[data-index="${String(bounded)}"] a`)?.focus();
    });
  };
  const current = (): Review | undefined => reviews[Math.max(0, indexOf(place.current, reviews))];
  useKeys({
    j: { what: "keys.move_down", run: () => { move(1); } },
    k: { what: "keys.move_up", run: () => { move(-1); } },
    Enter: { what: "keys.open", run: () => { onto(current(), (id) => { go(toPatch(id, view)); }); } },
    n: next === null ? null : { what: "decide.next", run: () => { go(toPatch(next, view), BY_NEXT); } },
    x: mayReview ? { what: "keys.select", run: () => { onto(current(), selection.toggle); } } : null,
    "Shift+x": mayReview ? { what: "keys.select_range", run: () => { onto(current(), selection.extend); } } : null,
  });

  return (
    <div ref={box} className={css["box"]}>
      <ol className={css["list"]} style={{ height: virtual.getTotalSize() }} aria-label={say("turn.title")}>
        {items.map((item) => {
          const line = lines[item.index];
          if (line === undefined) return null;
          const where = { transform: `translateY(${String(item.start)}px)`, height: item.size };
          if (line.kind === "title") {
            return (
              <li key={item.key} className={css["title"]} style={where}>
                <h2>{say(`turn.section.${line.part}`)}</h2>
                <span>{line.total}</span>
              </li>
            );
          }
          const { review, index } = line;
          const id = review.patch_id;
          return (
            <li key={item.key} className={css["item"]} style={where} data-index={index} aria-setsize={queue.hasMore ? -1 : reviews.length} aria-posinset={index + 1}>
              <Row
                review={review}
                to={toPatch(id, view)}
                decision={decided.get(id) ?? null}
                outgoing={outgoing.findLast(({ wish }) => wish.patchId === id) ?? null}
                isCurrent={index === at}
                index={index}
                selected={mayReview ? selection.ids.has(id) : null}
                select={select}
                focused={come}
              />
            </li>
          );
        })}
      </ol>
      <p className={css["end"]} role="status">
        {queue.hasStopped ? (
          <Button size="compact-sm" variant="default" onClick={queue.again}>
            {say("state.again")}
          </Button>
        ) : queue.hasMore || queue.isLoadingMore ? say("turn.more") : `${say("turn.end")} · ${say("turn.count", { count: reviews.length })}`}
      </p>
    </div>
  );
}

function onto(review: Review | undefined, run: (patchId: string) => void): void {
  if (review !== undefined) run(review.patch_id);
}

function keyOf(line: Line | undefined, index: number): string | number {
  if (line === undefined) return index;
  return line.kind === "title" ? `title ${line.part}` : `review ${line.review.patch_id}`;
}

