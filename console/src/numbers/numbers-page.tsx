/** How it goes: what came, what was decided by whom, how long it took. All of it from the API, each chart with its table. */

import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "wouter";

import table from "../design/table.module.css";
import { summary, timeline } from "../api/queries";
import type { Summary, Timeline } from "../api/types";
import { PageTitle } from "../design/page-title";
import { Failure, Loading, Region } from "../design/state";
import { useNow } from "../design/use-now";
import { useClient } from "../session/use-session";
import { type Key, useSpeech } from "../words/words";
import { Chart, type Series } from "./chart";
import { RANGES, daysOf } from "./days";
import css from "./numbers-page.module.css";

export default function NumbersPage() {
  const { say } = useSpeech();
  const client = useClient();
  const [params, setParams] = useSearchParams();
  const range = RANGES.find((one) => one === params.get("days")) ?? "30";
  const { since, until } = daysOf(range, useNow());
  const told = useQuery(summary(client, since, until));
  const days = useQuery(timeline(client, since, until));
  return (
    <div className={css["page"]}>
      <header className={css["head"]}>
        <PageTitle name={say("numbers.title")} />
        <SegmentedControl
          size="xs"
          aria-label={say("numbers.range")}
          value={range}
          data={RANGES.map((value) => ({ value, label: say(`numbers.range.${value}`) }))}
          onChange={(value) => { setParams({ days: value }, { replace: true }); }}
        />
      </header>
      <Region>
        {told.data !== undefined ? <Figures told={told.data} /> : told.error === null ? <Loading /> : <Failure failure={told.error} again={() => void told.refetch()} />}
      </Region>
      <Region>
        {days.data !== undefined ? <Charts told={days.data} /> : days.error === null ? <Loading height={48} /> : <Failure failure={days.error} again={() => void days.refetch()} />}
      </Region>
      {told.data !== undefined && <BySeverity told={told.data} />}
    </div>
  );
}

function Figures({ told }: { readonly told: Summary }) {
  const { say, number, percent, span } = useSpeech();
  const time = (seconds: number | null): string => (seconds === null ? say("numbers.none") : span(seconds));
  const figures: readonly (readonly [Key, string])[] = [
    ["numbers.total", number(told.total_patches)],
    ["numbers.pending", number(told.pending)],
    ["numbers.approved", number(told.approved)],
    ["numbers.rejected", number(told.rejected)],
    ["numbers.expired", number(told.expired)],
    ["numbers.revoked", number(told.revoked)],
    ["numbers.auto_rate", told.auto_rate === null ? say("numbers.none") : percent(told.auto_rate, 1)],
    ["numbers.median", time(told.median_decision_time_sec)],
    ["numbers.p95", time(told.p95_decision_time_sec)],
  ];
  return (
    <dl className={css["figures"]}>
      {figures.map(([name, figure]) => (
        <div key={name} className={css["figure"]}>
          <dt>{say(name)}</dt>
          <dd>{figure}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ told }: { readonly told: Timeline }) {
  const { say, span, percent } = useSpeech();
  const { days } = told;
  const counts = (name: "approved_by_policy" | "approved_by_people" | "rejected" | "expired" | "revoked" | "opened" | "decided_by_people"): readonly number[] =>
    days.map((day) => day[name]);
  const decisions: readonly Series[] = [
    { name: say("numbers.auto"), tone: "accent", values: counts("approved_by_policy") },
    { name: say("numbers.by_people"), tone: "good", values: counts("approved_by_people") },
    { name: say("numbers.rejected"), tone: "bad", values: counts("rejected") },
    { name: say("numbers.expired"), tone: "doubt", values: counts("expired") },
    { name: say("numbers.revoked"), tone: "plain", values: counts("revoked") },
  ];
  const load: readonly Series[] = [
    { name: say("numbers.inflow"), tone: "doubt", values: counts("opened") },
    { name: say("numbers.capacity"), tone: "accent", values: counts("decided_by_people") },
  ];
  const labels = days.map(({ day }) => day);
  return (
    <div className={css["charts"]}>
      <Chart title={say("numbers.over_time")} days={labels} series={decisions} kind="stacked" />
      <Chart title={say("numbers.load")} lead={say("numbers.load.lead")} days={labels} series={load} kind="lines" />
      <Chart
        title={say("numbers.auto_rate")}
        days={labels}
        series={[{ name: say("numbers.auto_rate"), tone: "accent", values: days.map((day) => day.auto_rate) }]}
        kind="lines"
        format={(value) => percent(value)}
      />
      <Chart
        title={say("numbers.median")}
        days={labels}
        series={[{ name: say("numbers.median"), tone: "accent", values: days.map((day) => day.median_decision_time_sec) }]}
        kind="lines"
        format={span}
      />
    </div>
  );
}

const COLUMNS = ["total_patches", "pending", "approved", "auto_approved", "rejected", "expired", "revoked"] as const;
const TITLES: Readonly<Record<(typeof COLUMNS)[number], Key>> = {
  total_patches: "numbers.total",
  pending: "numbers.pending",
  approved: "numbers.approved",
  auto_approved: "numbers.auto",
  rejected: "numbers.rejected",
  expired: "numbers.expired",
  revoked: "numbers.revoked",
};
const ORDER = ["critical", "high", "medium", "low", "none", "unknown"];

function BySeverity({ told }: { readonly told: Summary }) {
  const { say, sayOr, number } = useSpeech();
  const rows = ORDER.flatMap((name) => {
    const counts = told.by_severity[name];
    return counts === undefined ? [] : [{ name, counts }];
  });
  if (rows.length === 0) return null;
  return (
    <div className={css["section"]}>
      <h2>{say("numbers.by_severity")}</h2>
      <div className={css["scroll"]} tabIndex={0} role="region" aria-label={say("numbers.by_severity")}>
        <table className={table["wide"]}>
          <thead>
            <tr>
              <th scope="col">{say("filter.severity")}</th>
              {COLUMNS.map((name) => (
                <th key={name} scope="col">
                  {say(TITLES[name])}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, counts }) => (
              <tr key={name}>
                <th scope="row">{sayOr(`severity.${name}`, name)}</th>
                {COLUMNS.map((column) => (
                  <td key={column}>{number(counts[column])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
