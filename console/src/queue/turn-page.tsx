/** My turn: what a reviewer does next, the queue as work. Filters, order and search stand in the address. */

import { Button, Drawer, Select, Tabs, TextInput } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { held, keys } from "../api/queries";
import { UNWRITTEN } from "../batch/batch";
import { BatchDialog } from "../batch/batch-dialog";
import { PageTitle } from "../design/page-title";
import { Empty, Failure, Loading, Region } from "../design/state";
import { useTyped } from "../design/use-typed";
import { useChanges, useHeard } from "../live/use-live";
import { useKeys } from "../keyboard/use-keys";
import { useView } from "../place";
import { useClient, useMay } from "../session/use-session";
import { useSpeech } from "../words/words";
import { ActiveFilters, Filters } from "./filters";
import { List } from "./list";
import { type Selection, useSelection } from "./selection";
import css from "./turn-page.module.css";
import { type Queue, useQueue } from "./use-queue";
import { LANES, PLAIN, SORTS, type View, isFiltered, write } from "./view";

const FILL_MS = 5_000;

export function TurnPage() {
  const { say } = useSpeech();
  const [view, setView] = useView();
  const isNarrow = useMediaQuery("(width < 900px)");
  const [filtering, setFiltering] = useState(false);
  return (
    <div className={css["page"]} data-fills>
      <PageTitle name={say("turn.title")} className="unseen" />
      {isNarrow ? (
        <Drawer opened={filtering} onClose={() => { setFiltering(false); }} title={say("turn.filters")}>
          <Filters view={view} change={setView} />
        </Drawer>
      ) : (
        <aside className={css["side"]} aria-label={say("turn.filters")}>
          <Region>
            <Filters view={view} change={setView} />
          </Region>
        </aside>
      )}
      <section className={css["main"]} aria-label={say("turn.title")}>
        <Lanes view={view} change={setView} />
        <div className={css["tools"]}>
          <Search view={view} change={setView} />
          <Select
            aria-label={say("turn.sort")}
            value={view.sort}
            allowDeselect={false}
            data={SORTS.map((sort) => ({ value: sort, label: say(`turn.sort.${sort}`) }))}
            onChange={(chosen) => { setView({ ...view, sort: SORTS.find((one) => one === chosen) ?? PLAIN.sort }); }}
          />
          {isNarrow && (
            <Button variant="default" onClick={() => { setFiltering(true); }}>
              {say("turn.filters")}
            </Button>
          )}
        </div>
        <ActiveFilters view={view} change={setView} />
        <Region>
          <Waiting view={view} clear={() => { setView({ ...PLAIN, lane: view.lane, sort: view.sort }); }} />
        </Region>
      </section>
    </div>
  );
}

/** The list. It alone is drawn again when more of it comes. */
function Waiting({ view, clear }: { readonly view: View; readonly clear: () => void }) {
  const queue = useQueue(view);
  return (
    <>
      <Fresh queue={queue} />
      <Content view={view} queue={queue} clear={clear} />
    </>
  );
}

interface Changing {
  readonly view: View;
  readonly change: (view: View) => void;
}

function Lanes({ view, change }: Changing) {
  const { say } = useSpeech();
  const mayReview = useMay("reviewer");
  const cached = useQueryClient();
  const changes = useChanges();
  const lanes = LANES.filter((lane) => mayReview || lane === "all" || lane === "turn" || lane === "expiring");
  // Whoever chooses a lane, also the one that they are in, wants to see what it holds now.
  const choose = (chosen: string | null): void => {
    const lane = LANES.find((one) => one === chosen) ?? PLAIN.lane;
    changes.shown();
    if (lane === view.lane) {
      void cached.resetQueries({ queryKey: keys.queue });
      void cached.invalidateQueries({ queryKey: ["facets"] });
      return;
    }
    // Nothing of it is asked for again for the lane that is left.
    cached.removeQueries({ queryKey: keys.queue });
    cached.removeQueries({ queryKey: ["facets"] });
    change({ ...view, lane });
  };
  return (
    <Tabs value={view.lane} onChange={choose}>
      <Tabs.List className={css["lanes"] ?? ""}>
        {lanes.map((lane) => (
          <Tabs.Tab key={lane} value={lane}>
            {say(`turn.lane.${lane}`)}
            {(lane === "mine" || lane === "second") && <Held view={{ ...view, lane }} />}
          </Tabs.Tab>
        ))}
      </Tabs.List>
    </Tabs>
  );
}

/** How many of what passes the filters a lane holds; none is not said. */
function Held({ view }: { readonly view: View }) {
  const { data } = useQuery({ ...held(useClient(), view), placeholderData: (before) => before });
  if (data === undefined || data === null || data === "0") return null;
  return <span className={css["count"]}> {data}</span>;
}

function Search({ view, change }: Changing) {
  const { say } = useSpeech();
  const box = useRef<HTMLInputElement>(null);
  const { text, type, done } = useTyped(view.q, (q) => { change({ ...view, q }); });
  useKeys({ "/": { what: "keys.search", run: () => box.current?.focus() } });
  return (
    <TextInput
      ref={box}
      type="search"
      className={css["search"] ?? ""}
      aria-label={say("turn.search")}
      placeholder={say("turn.search")}
      value={text}
      onChange={({ currentTarget }) => { type(currentTarget.value); }}
      onBlur={done}
      onKeyDown={({ key, currentTarget }) => {
        if (key === "Escape" || key === "Enter") currentTarget.blur();
      }}
    />
  );
}

/** How much is new since the list was read. It comes when it is asked for, so that nothing moves under the reader's eyes. */
function Fresh({ queue }: { readonly queue: Queue }) {
  const { say } = useSpeech();
  const cached = useQueryClient();
  const changes = useChanges();
  const { fresh, decided } = useHeard();
  const count = fresh + queue.reviews.filter(({ patch_id: id }) => decided.has(id)).length;
  const show = (): void => {
    changes.shown();
    void cached.resetQueries({ queryKey: keys.queue });
    void cached.invalidateQueries({ queryKey: ["facets"] });
  };
  const isNobodyReading = queue.reviews.length === 0 && !queue.isLoading;
  const hasFresh = fresh > 0;
  const filledAt = useRef(0);
  useEffect(() => {
    if (!hasFresh || !isNobodyReading) return undefined;
    // Nothing can move under the reader's eyes; but what is new may be for another lane, and there may be much of it.
    const timer = setTimeout(() => {
      filledAt.current = Date.now();
      changes.shown();
      cached.removeQueries({ queryKey: keys.queue, type: "inactive" });
      void cached.invalidateQueries({ queryKey: keys.queue });
      void cached.invalidateQueries({ queryKey: ["facets"] });
    }, Math.max(0, filledAt.current + FILL_MS - Date.now()));
    return () => {
      clearTimeout(timer);
    };
  }, [hasFresh, isNobodyReading, cached, changes]);
  useKeys({ ".": count > 0 ? { what: "keys.show", run: show } : null });
  return (
    <div className={css["fresh"]} role="status">
      {count > 0 && !isNobodyReading && (
        <Button size="compact-sm" onClick={show}>
          {say("live.new", { count })} · {say("live.show")}
        </Button>
      )}
    </div>
  );
}

interface ContentProps {
  readonly view: View;
  readonly queue: Queue;
  readonly clear: () => void;
}

function Content({ view, queue, clear }: ContentProps) {
  const selection = useSelection(queue.reviews);
  const [deciding, setDeciding] = useState(false);
  const [order, setOrder] = useState(UNWRITTEN);
  const decide = (all: boolean): void => {
    selection.everything(all);
    setDeciding(true);
  };
  const isSelected = selection.ids.size > 0;
  useKeys({
    b: isSelected ? { what: "turn.batch", run: () => { decide(false); } } : null,
    Escape: isSelected ? { what: "turn.unselect", run: selection.clear } : null,
  });
  return (
    <>
      <Reviews view={view} queue={queue} clear={clear} selection={selection} />
      {isSelected && <Selected total={queue.total} selection={selection} decide={decide} />}
      {deciding && (
        <BatchDialog
          view={view}
          chosen={queue.reviews.filter(({ patch_id: id }) => selection.ids.has(id))}
          all={selection.isEverything}
          order={order}
          change={setOrder}
          cancel={() => { setDeciding(false); }}
          finish={() => {
            setDeciding(false);
            setOrder(UNWRITTEN);
            selection.clear();
          }}
        />
      )}
    </>
  );
}

function Reviews({ view, queue, clear, selection }: ContentProps & { readonly selection: Selection }) {
  const { say } = useSpeech();
  if (queue.failure !== null) return <Failure failure={queue.failure} again={queue.again} />;
  // All of its parts or none: one that came later would move what is read, and take reviews from another.
  if (queue.isLoading) return <Loading lines={10} height={44} />;
  if (queue.reviews.length > 0) return <List key={write(view).toString()} view={view} queue={queue} selection={selection} />;
  return isFiltered(view) ? (
    <Empty title={say("turn.empty.filtered")}>
      <Button variant="default" onClick={clear}>
        {say("turn.clear")}
      </Button>
    </Empty>
  ) : (
    <Empty title={say("turn.empty")}>
      <p>{say("turn.empty.lead")}</p>
    </Empty>
  );
}

interface SelectedProps {
  readonly total: string | null;
  readonly selection: Selection;
  readonly decide: (all: boolean) => void;
}

function Selected({ total, selection, decide }: SelectedProps) {
  const { say } = useSpeech();
  const count = say("turn.selected", { count: selection.ids.size });
  return (
    <div className={css["selected"]} role="region" aria-label={count}>
      <strong>{count}</strong>
      {total !== null && (
        <Button size="compact-sm" variant="default" onClick={() => { decide(true); }}>
          {say("turn.select_all", { count: total })}
        </Button>
      )}
      <Button size="compact-sm" variant="default" onClick={selection.clear}>
        {say("turn.unselect")}
      </Button>
      <Button size="compact-sm" onClick={() => { decide(false); }}>
        {say("turn.batch")}
      </Button>
    </div>
  );
}
