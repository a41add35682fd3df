/** One patch, from why it is here over the evidence to the decision; what comes next opens by itself. */

import { useQuery } from "@tanstack/react-query";
import { type ReactNode, Suspense, lazy, useCallback, useEffect, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";

import { patch } from "../api/queries";
import { Problem } from "../api/problem";
import type { Detail } from "../api/types";
import { DecisionBar } from "../decide/decision-bar";
import { escaped } from "../design/hidden";
import { Chip, Fact, Grade, Id, Moment } from "../design/piece";
import { PageTitle } from "../design/page-title";
import { Empty, Failure, Loading, Region } from "../design/state";
import { useKeys } from "../keyboard/use-keys";
import { useNames } from "../people/use-people";
import { BY_NEXT, toPatch, toQueue, useGo, useView } from "../place";
import { visit } from "../queue/spot";
import { useNext } from "../queue/use-next";
import { useQueue } from "../queue/use-queue";
import { useClient } from "../session/use-session";
import { useSpeech } from "../words/words";
import { Brief } from "./brief";
import css from "./card-page.module.css";
import { Changed } from "./changed";
import type { Earlier } from "../diff/diff";
import { Evidence } from "./evidence";
import { History } from "./history";
import { Outcomes } from "./outcomes";
import { PatchFacts } from "./patch-facts";
import { Related } from "./related";
import { Since } from "./since";
import { Why } from "./why";

const SETTLED_MS = 400;

const Diff = lazy(() => import("../diff/diff"));

export default function CardPage() {
  const [params] = useSearchParams();
  const id = params.get("id") ?? "";
  // Another patch is another card: nothing that was typed or opened for one is there for the next.
  return <Card key={id} id={id} />;
}

function Card({ id }: { readonly id: string }) {
  const { say } = useSpeech();
  const [view] = useView();
  const go = useGo();
  const next = useNext(useQueue(view).reviews, id);
  const { data, dataUpdatedAt, error, refetch } = useQuery(patch(useClient(), id));
  useEffect(() => {
    visit(id);
  }, [id]);
  const [isReady, shown] = useReady(data?.version ?? null);
  const goOn = (): void => {
    if (next === null) go(toQueue(view));
    else go(toPatch(next, view), BY_NEXT);
  };
  useKeys({
    n: { what: "decide.next", run: goOn },
    Escape: { what: "keys.escape", run: () => { go(toQueue(view)); } },
  });
  // What was read stays, whatever becomes of a later question.
  if (data === undefined) {
    if (error === null) return <Loading lines={14} height={28} isPage />;
    if (!(error instanceof Problem && error.status === 404)) return <Failure failure={error} again={() => void refetch()} isPage />;
    return (
      <Empty title={say("card.missing")} isPage>
        <Id text={id} />
        <Link href={toQueue(view)}>{say("card.back")}</Link>
      </Empty>
    );
  }
  return (
    <article className={css["card"]} aria-label={escaped(id)} data-ready={isReady}>
      <Head detail={data} />
      <Since look={data.since_last_look} />
      <div className={css["columns"]}>
        <div className={css["main"]}>
          <Region>
            <Why detail={data} />
          </Region>
          <Region>
            <Evidence detail={data} />
          </Region>
          <Section title={say("card.diff")}>
            <Suspense fallback={<Loading lines={12} height={16} />}>
              <Diff key={data.patch.patch_digest} text={data.patch.diff} earlier={earlierOf(data)} shown={shown} />
            </Suspense>
          </Section>
        </div>
        <div className={css["rail"]}>
          <Section title={say("card.brief")}>
            <Brief detail={data} />
          </Section>
          <Section title={say("card.origin")}>
            <PatchFacts detail={data} />
          </Section>
          {data.related.length > 0 && (
            <Section title={say("card.related")}>
              <Related related={data.related} />
            </Section>
          )}
          {data.outcomes.length > 0 && (
            <Section title={say("card.outcome")}>
              <Outcomes outcomes={data.outcomes} />
            </Section>
          )}
          <Section title={say("card.history")}>
            <History detail={data} />
          </Section>
        </div>
      </div>
      <DecisionBar detail={data} readAt={dataUpdatedAt} goOn={goOn} isReady={isReady} notice={<Changed detail={data} readAt={dataUpdatedAt} failure={error} />} />
    </article>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className={css["section"]} aria-label={title}>
      <h2>{title}</h2>
      <Region>{children}</Region>
    </section>
  );
}

function Head({ detail }: { readonly detail: Detail }) {
  const { say, sayOr } = useSpeech();
  const [view] = useView();
  const { approvals, approvals_required: needed } = detail;
  const nameOf = useNames(...approvals, detail.glass_broken_by);
  return (
    <header className={css["head"]}>
      <Link href={toQueue(view)} className={css["back"] ?? ""}>
        ← {say("card.back")}
      </Link>
      <div className={css["title"]}>
        <PageTitle name={detail.patch_id}>
          <Id text={detail.patch_id} />
        </PageTitle>
        <Grade value={detail.vulnerability.severity} of="severity" />
        <Chip tone={detail.state === "approved" ? "good" : detail.state === "pending" || detail.state === "collecting" ? "info" : "bad"}>
          {sayOr(`state.${detail.state}`, detail.state)}
        </Chip>
        {detail.synthetic && <Chip>{say("turn.synthetic")}</Chip>}
        {detail.own && <Chip tone="doubt">{say("card.own")}</Chip>}
        {detail.glass_broken_by !== null && <Chip tone="bad">{say("card.glass", { person: nameOf(detail.glass_broken_by) })}</Chip>}
      </div>
      <dl className={css["facts"]}>
        <Fact name={say("card.approvals")}>
          {approvals.length === 0
            ? say("card.approvals.none", { needed })
            : say("card.approvals.given", { people: approvals.map(nameOf).join(", "), given: approvals.length, needed })}
        </Fact>
        <Fact name={say("card.opened")}>
          <Moment at={detail.opened_at} />
        </Fact>
        {detail.valid_until !== null && (
          <Fact name={say("card.stands")}>
            <Moment at={detail.valid_until} as="relative" />
          </Fact>
        )}
        {detail.state === "pending" && (
          <Fact name={say("card.expires")}>
            <Moment at={detail.expires_at} as="relative" />
          </Fact>
        )}
      </dl>
    </header>
  );
}

/** What this diff is compared with: what the reader looked at last, or where that is this one what was there before it. */
function earlierOf({ patch_id: patchId, round, since_last_look: look }: Detail): Earlier | null {
  if (round === 1) return null;
  return { patchId, round: look === null || look.round === round ? round - 1 : look.round };
}

/** Whether the patch itself is on the screen, and has been for a moment: who pressed a key twice does not decide on the next one. */
function useReady(version: string | null): readonly [boolean, () => void] {
  const [ready, setReady] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  const shown = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => { setReady(version); }, SETTLED_MS);
  }, [version]);
  return [version !== null && ready === version, shown];
}
