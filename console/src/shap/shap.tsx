/** Why the model said what it said: a force plot, the features by weight, and the same as a table. */

import { useElementSize } from "@mantine/hooks";
import { scaleLinear } from "@visx/scale";
import { type ReactNode, useState } from "react";

import table from "../design/table.module.css";
import { Foreign } from "../design/piece";
import { escaped } from "../design/hidden";
import { type Speech, useSpeech } from "../words/words";
import { type Explanation, type Part, explain, forces } from "./explained";
import css from "./shap.module.css";

const WIDTH = 640; // until it is known how much room there is
const FORCE_PX = 56;
const ROW_PX = 22;
const NAME_SHARE = 0.32;
const FIGURE_PX = 48;
const LETTER_PX = 7.3;

export function Shap({ values, base }: { readonly values: unknown; readonly base: number | null }) {
  const speech = useSpeech();
  const { say } = speech;
  const found = explain(values, base);
  if (found === null) return <p>{say("shap.none")}</p>;
  const isFlat = found.parts.every(({ value }) => value === 0);
  return (
    <figure className={css["shap"]}>
      <figcaption>{say("shap.title")}</figcaption>
      {isFlat ? <p>{say("shap.zero")}</p> : <Pictures found={found} />}
      {base === null && <p className={css["note"]}>{say("shap.no_base")}</p>}
      <details>
        <summary>{say("shap.table")}</summary>
        <Table found={found} />
      </details>
    </figure>
  );
}

function Pictures({ found }: { readonly found: Explanation }) {
  const [told, setTold] = useState<string | null>(null);
  const { ref, width } = useElementSize<HTMLDivElement>();
  const room = width === 0 ? WIDTH : width;
  return (
    <div ref={ref} className={css["pictures"]} aria-hidden="true" onPointerLeave={() => { setTold(null); }}>
      <Force found={found} width={room} tell={setTold} />
      <Importance found={found} width={room} tell={setTold} />
      <p className={css["told"]}>{told ?? "\u00a0"}</p>
    </div>
  );
}

interface Drawn {
  readonly found: Explanation;
  /** In pixels of the screen, so that letters are as large on a phone. */
  readonly width: number;
  readonly tell: (text: string | null) => void;
}

/** What pushed it up from the left, what pulled it down from the right; they meet where the model ended. */
function Force({ found, width, tell }: Drawn) {
  const speech = useSpeech();
  const segments = forces(found);
  const ends = [found.end, found.base ?? found.end, ...segments.flatMap(({ from, to }) => [from, to])];
  const x = scaleLinear<number>({ domain: [Math.min(...ends), Math.max(...ends)], range: [4, width - 4] });
  return (
    <svg className={css["svg"]} viewBox={`0 0 ${String(width)} ${String(FORCE_PX)}`}>
      {segments.map((one) => (
        <path
          key={`${one.feature} ${String(one.from)}`}
          className={one.value > 0 ? css["good"] : css["bad"]}
          d={arrow(x(one.from), x(one.to), one.value > 0)}
          onPointerEnter={() => { tell(meaning(one, speech)); }}
        />
      ))}
      <line className={css["end"]} x1={x(found.end)} x2={x(found.end)} y1={4} y2={FORCE_PX - 14} />
      <text className={css["figure"]} x={within(x(found.end), width)} y={FORCE_PX - 2}>
        {format(found.end, speech)}
      </text>
      {found.base !== null && (
        <>
          <line className={css["base"]} x1={x(found.base)} x2={x(found.base)} y1={4} y2={FORCE_PX - 14} />
          {Math.abs(x(found.base) - x(found.end)) > 110 && (
            <text className={css["figure"]} x={within(x(found.base), width)} y={FORCE_PX - 2}>
              {speech.say("shap.base", { base: format(found.base, speech) })}
            </text>
          )}
        </>
      )}
    </svg>
  );
}

function Importance({ found, width, tell }: Drawn) {
  const speech = useSpeech();
  const { parts, others } = found;
  const most = Math.max(...parts.map(({ value }) => Math.abs(value)), Math.abs(others?.value ?? 0));
  const name = Math.round(width * NAME_SHARE);
  const middle = name + (width - name) / 2;
  const x = scaleLinear<number>({ domain: [-most, most], range: [name + FIGURE_PX, width - FIGURE_PX] });
  const rows: readonly Part[] = others === null ? parts : [...parts, { feature: speech.say("shap.others", { count: others.count }), value: others.value }];
  return (
    <svg className={css["svg"]} viewBox={`0 0 ${String(width)} ${String(rows.length * ROW_PX)}`}>
      <line className={css["base"]} x1={middle} x2={middle} y1={0} y2={rows.length * ROW_PX} />
      {rows.map((one, index) => (
        <g key={one.feature} onPointerEnter={() => { tell(meaning(one, speech)); }}>
          <rect className={css["hit"]} x={0} y={index * ROW_PX} width={width} height={ROW_PX} />
          <text className={css["name"]} x={name - 8} y={index * ROW_PX + 15}>
            {shortened(one.feature, Math.floor(name / LETTER_PX) - 1)}
          </text>
          <rect
            className={one.value >= 0 ? css["good"] : css["bad"]}
            x={Math.min(middle, x(one.value))}
            y={index * ROW_PX + 4}
            width={Math.max(1, Math.abs(x(one.value) - middle))}
            height={ROW_PX - 8}
          />
          <text className={css["figure"]} x={one.value >= 0 ? x(one.value) + 24 : x(one.value) - 24} y={index * ROW_PX + 15}>
            {format(one.value, speech)}
          </text>
        </g>
      ))}
    </svg>
  );
}

function Table({ found }: { readonly found: Explanation }): ReactNode {
  const speech = useSpeech();
  const { say } = speech;
  return (
    <table className={table["small"]}>
      <thead>
        <tr>
          <th scope="col">{say("shap.feature")}</th>
          <th scope="col">{say("shap.effect")}</th>
          <th scope="col">{say("shap.meaning")}</th>
        </tr>
      </thead>
      <tbody>
        {found.parts.map((one) => (
          <tr key={one.feature}>
            <th scope="row">
              <Foreign text={one.feature} />
            </th>
            <td>
              {format(one.value, speech)} {say(one.value >= 0 ? "shap.towards" : "shap.away")}
            </td>
            <td>{speech.sayOr(`feature.${one.feature}`, "")}</td>
          </tr>
        ))}
        {found.others !== null && (
          <tr>
            <th scope="row">{say("shap.others", { count: found.others.count })}</th>
            <td>{format(found.others.value, speech)}</td>
            <td />
          </tr>
        )}
      </tbody>
    </table>
  );
}

function meaning({ feature, value }: Part, speech: Speech): string {
  const words = speech.sayOr(`feature.${feature}`, "");
  const effect = `${format(value, speech)} ${speech.say(value >= 0 ? "shap.towards" : "shap.away")}`;
  return [escaped(feature), words, effect].filter((one) => one !== "").join(" · ");
}

function format(value: number, { number }: Speech): string {
  return number(value, { signDisplay: "exceptZero", maximumFractionDigits: 3 });
}

function shortened(feature: string, most: number): string {
  const shown = escaped(feature);
  return shown.length > most ? `${shown.slice(0, most - 1)}…` : shown;
}

function within(x: number, width: number): number {
  return Math.max(56, Math.min(width - 56, x));
}

/** A bar with a point in the direction in which it pushes. */
function arrow(from: number, to: number, right: boolean): string {
  const top = 8;
  const bottom = FORCE_PX - 18;
  const middle = (top + bottom) / 2;
  const tip = Math.min(6, (to - from) / 2);
  const points = right
    ? [[from, top], [to - tip, top], [to, middle], [to - tip, bottom], [from, bottom], [from + tip, middle]]
    : [[from + tip, top], [to, top], [to - tip, middle], [to, bottom], [from + tip, bottom], [from, middle]];
  return `M${points.map(([x = 0, y = 0]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;
}
