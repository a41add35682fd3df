/** What proves that the patch works: every result with its exploits before and after, and what the model said of it. */

import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import table from "../design/table.module.css";
import { moreResults } from "../api/queries";
import type { Detail, Exploit, Result } from "../api/types";
import { Chip, Foreign, Moment, type Tone } from "../design/piece";
import { Failure, Region } from "../design/state";
import { useClient } from "../session/use-session";
import { Shap } from "../shap/shap";
import { type Key, useSpeech } from "../words/words";
import css from "./evidence.module.css";
import { flag, list, members, number, text } from "./foreign";

export function Evidence({ detail }: { readonly detail: Detail }) {
  const { say } = useSpeech();
  const [all, setAll] = useState(false);
  const more = useInfiniteQuery({ ...moreResults(useClient(), detail.patch_id, detail.round), enabled: all });
  const seen = detail.since_last_look?.at ?? null;
  const results = more.data?.pages.flatMap(({ rows }) => rows) ?? detail.results;
  return (
    <section className={css["evidence"]} aria-label={say("card.evidence")}>
      <h2>{say("card.evidence")}</h2>
      <Prediction good={detail.ml_prediction} certainty={detail.ml_confidence} />
      {results.map((one) => (
        <Region key={`${one.source} ${one.event_id}`}>
          <One result={one} isOnly={results.length === 1} isNew={seen !== null && Date.parse(one.received_at) > Date.parse(seen)} />
        </Region>
      ))}
      {more.error !== null && <Failure failure={more.error} again={() => void more.refetch()} />}
      {(all ? more.hasNextPage : detail.results_truncated) && (
        <Button
          variant="default"
          size="compact-sm"
          loading={more.isFetching}
          onClick={() => {
            if (all) void more.fetchNextPage();
            else setAll(true);
          }}
        >
          {say("card.more_results")}
        </Button>
      )}
    </section>
  );
}

/** The certainty is about what is predicted: a very certain "bad" must never look like a good figure. */
export function Prediction({ good, certainty }: { readonly good: boolean | null; readonly certainty: number | null }) {
  const { say, percent } = useSpeech();
  const tone: Tone = good === null ? "doubt" : good ? "good" : "bad";
  return (
    <div className={css["prediction"]} title={say("ml.certainty.note")}>
      <Chip tone={tone}>{say(good === null ? "ml.says.nothing" : good ? "ml.says.good" : "ml.says.bad")}</Chip>
      {certainty !== null && (
        <>
          <meter min={0} max={1} value={certainty} data-tone={tone} className={css["meter"]} aria-hidden="true" />
          <span>{say("ml.certainty", { percent: percent(certainty, 1) })}</span>
        </>
      )}
    </div>
  );
}

interface OneProps {
  readonly result: Result;
  readonly isOnly: boolean;
  /** It came after the reader looked last. */
  readonly isNew: boolean;
}

function One({ result, isOnly, isNew }: OneProps) {
  const { say } = useSpeech();
  const { concluded } = result;
  const outcome = concluded?.wargame ?? "unknown";
  const wargame = members(result.wargame);
  const ml = members(result.ml);
  return (
    <details className={css["result"]} open={isOnly || isNew || outcome !== "passed"}>
      <summary>
        {isNew && <Chip tone="info">{say("card.new")}</Chip>}
        <Chip tone={outcome === "passed" ? "good" : outcome === "failed" ? "bad" : "doubt"}>{say(`wargame.${outcome}`)}</Chip>
        {concluded?.detail != null && <Foreign text={concluded.detail} />}
        <span className={css["from"]}>
          <Foreign text={result.source} /> · <Moment at={result.received_at} as="relative" />
        </span>
      </summary>
      {wargame === null && ml === null && <p>{say("wargame.gone")}</p>}
      {wargame !== null && (
        <>
          <p className={css["method"]}>
            <Foreign text={say("wargame.method", { method: text(wargame, "method") ?? "?", status: text(wargame, "status") ?? "?" })} />
          </p>
          <Exploits exploits={list(wargame, "exploits")} />
        </>
      )}
      {ml === null ? (
        <p>{say("ml.none")}</p>
      ) : (
        <>
          <Prediction good={flag(ml, "prediction")} certainty={number(ml, "confidence")} />
          <p className={css["method"]}>
            <Foreign text={say("ml.model", { version: text(ml, "model_version") ?? "?" })} />
          </p>
          <Shap values={ml["shap_values"]} base={number(ml, "shap_base_value")} />
        </>
      )}
    </details>
  );
}

function Exploits({ exploits }: { readonly exploits: readonly Exploit[] }) {
  const { say, span } = useSpeech();
  if (exploits.length === 0) return <p>{say("wargame.none")}</p>;
  return (
    <div className={css["scroll"]} tabIndex={0} role="region" aria-label={say("wargame.exploit")}>
      <table className={table["wide"]}>
        <thead>
          <tr>
            <th scope="col">{say("wargame.exploit")}</th>
            <th scope="col">{say("wargame.before")}</th>
            <th scope="col">{say("wargame.after")}</th>
            <th scope="col">{say("wargame.duration")}</th>
          </tr>
        </thead>
        <tbody>
          {exploits.map((one, index) => {
            const said = one as Readonly<Record<string, unknown>>;
            const error = text(said, "error");
            const took = number(said, "duration_ms");
            return (
              <tr key={index}>
                <th scope="row">
                  <Foreign text={[text(said, "exploit_id") ?? "?", text(said, "category")].filter((part) => part !== null).join(" · ")} />
                  {error !== null && (
                    <p className={css["error"]}>
                      {say("wargame.error")}: <Foreign text={error} />
                    </p>
                  )}
                </th>
                <td>
                  <Phase worked={flag(said, "phase1_exploit_worked")} hoped />
                </td>
                <td>
                  <Phase worked={flag(said, "phase2_exploit_worked")} hoped={false} />
                </td>
                <td>{took === null ? "" : span(took / 1_000)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** An exploit should work before the patch and not after it. */
function Phase({ worked, hoped }: { readonly worked: boolean | null; readonly hoped: boolean }) {
  const { say } = useSpeech();
  const word: Key = worked === null ? "wargame.unclear" : worked ? "wargame.worked" : "wargame.blocked";
  return <Chip tone={worked === null ? "doubt" : worked === hoped ? "good" : "bad"}>{say(word)}</Chip>;
}
