/** A chart over days, as stacked bars or lines; what it shows stands in a table beside it. */

import { useElementSize } from "@mantine/hooks";
import { scaleLinear } from "@visx/scale";
import { useState } from "react";

import table from "../design/table.module.css";
import { useSpeech } from "../words/words";
import css from "./chart.module.css";

const WIDTH = 640; // until it is known how much room there is
const LABEL_PX = 100;
const HEIGHT = 200;
const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;

export interface Series {
  readonly name: string;
  readonly tone: "accent" | "good" | "bad" | "doubt" | "plain";
  /** One per day; null where there is nothing to say of a day. */
  readonly values: readonly (number | null)[];
}

interface Props {
  readonly title: string;
  readonly lead?: string;
  readonly days: readonly string[];
  readonly series: readonly Series[];
  readonly kind: "stacked" | "lines";
  readonly format?: (value: number) => string;
}

export function Chart({ title, lead, days, series, kind, format }: Props) {
  const speech = useSpeech();
  const shown = format ?? ((value: number) => speech.number(value));
  const [at, setAt] = useState<number | null>(null);
  const { ref, width } = useElementSize<HTMLDivElement>();
  return (
    <section className={css["chart"]} aria-label={title}>
      <h2>{title}</h2>
      {lead !== undefined && <p>{lead}</p>}
      <div ref={ref} aria-hidden="true" onPointerLeave={() => { setAt(null); }}>
        <Picture width={width === 0 ? WIDTH : width} days={days} series={series} kind={kind} format={shown} at={at} tell={setAt} />
        <ul className={css["legend"]}>
          {at !== null && <li>{speech.day(days[at] ?? "")}</li>}
          {series.map(({ name, tone, values }) => {
            const value = at === null ? null : (values[at] ?? null);
            return (
              <li key={name} data-tone={tone}>
                {name}
                {value !== null && <strong> {shown(value)}</strong>}
              </li>
            );
          })}
        </ul>
      </div>
      <details>
        <summary>{speech.say("numbers.table")}</summary>
        <table className={table["small"]}>
          <thead>
            <tr>
              <th scope="col">{speech.say("numbers.day")}</th>
              {series.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {days.map((day, index) => (
              <tr key={day}>
                <th scope="row">{speech.day(day)}</th>
                {series.map(({ name, values }) => {
                  const value = values[index] ?? null;
                  return <td key={name}>{value === null ? "" : shown(value)}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}

interface PictureProps extends Required<Omit<Props, "title" | "lead">> {
  /** In pixels of the screen, so that letters are as large on a phone. */
  readonly width: number;
  readonly at: number | null;
  readonly tell: (index: number) => void;
}

function Picture({ width, days, series, kind, format, at, tell }: PictureProps) {
  const { day } = useSpeech();
  const height = (index: number): number => series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0);
  const most = kind === "stacked" ? Math.max(0, ...days.map((_, index) => height(index))) : Math.max(0, ...series.flatMap(({ values }) => values.map((one) => one ?? 0)));
  const y = scaleLinear<number>({ domain: [0, most === 0 ? 1 : most], range: [HEIGHT - BOTTOM, TOP], nice: true });
  const step = (width - LEFT) / Math.max(1, days.length);
  const middle = (index: number): number => LEFT + (index + 0.5) * step;
  const every = Math.ceil(days.length / Math.max(1, Math.floor((width - LEFT) / LABEL_PX)));
  return (
    <svg className={css["svg"]} viewBox={`0 0 ${String(width)} ${String(HEIGHT)}`}>
      {y.ticks(4).map((tick) => (
        <g key={tick}>
          <line className={css["grid"]} x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
          <text className={css["label"]} x={LEFT - 6} y={y(tick) + 4} textAnchor="end">
            {format(tick)}
          </text>
        </g>
      ))}
      {days.map((one, index) =>
        index % every === 0 ? (
          <text key={one} className={css["label"]} x={middle(index)} y={HEIGHT - 6} textAnchor="middle">
            {day(one)}
          </text>
        ) : null,
      )}
      {kind === "stacked"
        ? days.map((one, index) => <Stack key={one} values={series.map(({ values }) => values[index] ?? 0)} series={series} x={middle(index)} width={Math.max(2, step * 0.7)} y={y} />)
        : series.map((one) => (
            <g key={one.name} data-tone={one.tone}>
              <path className={css["line"]} d={path(one.values, middle, y)} />
              {lonely(one.values).map(([index, value]) => (
                <circle key={index} className={css["bar"]} cx={middle(index)} cy={y(value)} r={3} />
              ))}
            </g>
          ))}
      {days.map((one, index) => (
        <rect key={one} className={css["hit"]} data-here={index === at} x={LEFT + index * step} y={TOP} width={step} height={HEIGHT - BOTTOM - TOP} onPointerEnter={() => { tell(index); }} />
      ))}
    </svg>
  );
}

interface StackProps {
  readonly values: readonly number[];
  readonly series: readonly Series[];
  readonly x: number;
  readonly width: number;
  readonly y: (value: number) => number;
}

function Stack({ values, series, x, width, y }: StackProps) {
  return series.map(({ name, tone }, index) => {
    const below = values.slice(0, index).reduce((sum, one) => sum + one, 0);
    const value = values[index] ?? 0;
    return value === 0 ? null : <rect key={name} className={css["bar"]} data-tone={tone} x={x - width / 2} y={y(below + value)} width={width} height={y(below) - y(below + value)} />;
  });
}

/** Values of days before and after which there is none: no line leads to them. */
function lonely(values: readonly (number | null)[]): readonly (readonly [number, number])[] {
  return values.flatMap((value, index) =>
    value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null ? [[index, value] as const] : [],
  );
}

/** A line through the days that have a value; days without one interrupt it. */
function path(values: readonly (number | null)[], x: (index: number) => number, y: (value: number) => number): string {
  return values
    .map((value, index) => (value === null ? "" : `${(values[index - 1] ?? null) === null ? "M" : "L"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`))
    .join("");
}
