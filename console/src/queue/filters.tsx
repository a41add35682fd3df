/** How many of what there are, each a filter; and those that are set, each with its way out. */

import { Button, NumberInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { facets } from "../api/queries";
import { Failure, Loading } from "../design/state";
import { escaped } from "../design/hidden";
import { Foreign } from "../design/piece";
import { useClient } from "../session/use-session";
import { type Speech, useSpeech } from "../words/words";
import css from "./filters.module.css";
import { FILTERS, type FilterName, type View, isFiltered, toggle } from "./view";

const SHOWN_MAX = 8;
const SHOWN = ["severity", "risk", "reason", "cwe_class", "ecosystem", "language", "strategy", "prediction", "package"] as const;

interface Props {
  readonly view: View;
  readonly change: (view: View) => void;
}

export function Filters({ view, change }: Props) {
  const { say } = useSpeech();
  const { data, error, refetch } = useQuery({ ...facets(useClient(), view), placeholderData: (before) => before });
  if (data === undefined) return error === null ? <Loading lines={12} height={16} /> : <Failure failure={error} again={() => void refetch()} />;
  return (
    <div className={css["filters"]}>
      {SHOWN.map((name) => (
        <Facet key={name} name={name} counts={data.facets[name] ?? {}} view={view} change={change} />
      ))}
      <fieldset className={css["facet"]}>
        <legend>{say("filter.confidence")}</legend>
        <div className={css["range"]}>
          {([0, 1] as const).map((end) => (
            <NumberInput
              key={end}
              size="xs"
              aria-label={`${say("filter.confidence")} ${end === 0 ? "≥" : "≤"}`}
              placeholder={end === 0 ? "≥ 0" : "≤ 1"}
              min={0}
              max={1}
              step={0.05}
              decimalScale={3}
              value={view.confidence[end] ?? ""}
              onChange={(value) => {
                const next = typeof value === "number" ? value : null;
                change({ ...view, confidence: end === 0 ? [next, view.confidence[1]] : [view.confidence[0], next] });
              }}
            />
          ))}
        </div>
      </fieldset>
    </div>
  );
}

interface FacetProps extends Props {
  readonly name: FilterName;
  readonly counts: Readonly<Record<string, number | string>>;
}

function Facet({ name, counts, view, change }: FacetProps) {
  const speech = useSpeech();
  const chosen = view.filters[name] ?? [];
  const shown = Object.entries(counts).slice(0, SHOWN_MAX);
  const missing = chosen.filter((value) => !shown.some(([one]) => one === value)).map((value) => [value, counts[value] ?? 0] as const);
  if (shown.length === 0 && missing.length === 0) return null;
  return (
    <fieldset className={css["facet"]}>
      <legend>{speech.say(`filter.${name}`)}</legend>
      {[...shown, ...missing].map(([value, count]) => (
        <label key={value} className={css["value"]}>
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={() => { change(toggle(view, name, value)); }}
          />
          <span className={css["word"]}>
            <Foreign text={wordOf(name, value, speech)} />
          </span>
          <span className={css["count"]}>{typeof count === "number" ? speech.number(count) : count}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function ActiveFilters({ view, change }: Props) {
  const speech = useSpeech();
  if (!isFiltered(view)) return null;
  const set = FILTERS.flatMap((name) => (view.filters[name] ?? []).map((value) => ({ name, value })));
  return (
    <div className={css["active"]}>
      {set.map(({ name, value }) => {
        const word = wordOf(name, value, speech);
        const title = speech.say(`filter.${name}`);
        return (
          <Button
            key={`${name} ${value}`}
            size="compact-xs"
            variant="default"
            aria-label={speech.say("filter.remove", { name: title, value: escaped(word) })}
            onClick={() => { change(toggle(view, name, value)); }}
          >
            {title}: <Foreign text={word} /> ✕
          </Button>
        );
      })}
      <Button size="compact-xs" variant="subtle" onClick={() => { change({ ...view, q: "", filters: {}, confidence: [null, null] }); }}>
        {speech.say("turn.clear")}
      </Button>
    </div>
  );
}

/** The word for a value of a filter; names from outside are their own. */
export function wordOf(name: FilterName, value: string, { sayOr }: Speech): string {
  if (name === "severity" || name === "risk") return sayOr(`severity.${value}`, value);
  if (name === "prediction") return sayOr(`filter.prediction.${value}`, value);
  return name === "reason" || name === "strategy" ? value.replaceAll("_", " ") : value;
}
