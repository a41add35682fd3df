/** What was said and done, with filters that stand in the address, page by page or as a file. */

import { Button, Select, TextInput } from "@mantine/core";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Link, useSearchParams } from "wouter";

import table from "../design/table.module.css";
import { audit } from "../api/queries";
import type { AuditEntry } from "../api/types";
import { escaped } from "../design/hidden";
import { Foreign, Moment } from "../design/piece";
import { PageTitle } from "../design/page-title";
import { Empty, Failure, Loading } from "../design/state";
import { useTyped } from "../design/use-typed";
import { toPatch } from "../place";
import { useNames } from "../people/use-people";
import { PLAIN } from "../queue/view";
import { useClient } from "../session/use-session";
import { type Key, useSpeech } from "../words/words";
import css from "./audit-page.module.css";
import { ACTIONS, FILTERS, type Filter, asked } from "./asked";

const NAMES: Readonly<Record<Filter, Key>> = {
  patch_id: "audit.patch",
  actor: "audit.actor.id",
  action: "audit.action",
  policy_version: "audit.version",
  since: "audit.since",
  until: "audit.until",
};

export default function AuditPage() {
  const { say } = useSpeech();
  const [params, setParams] = useSearchParams();
  const filters = asked(params);
  const change = (name: Filter, value: string): void => {
    const next = new URLSearchParams(params);
    if (value === "") next.delete(name);
    else next.set(name, value);
    setParams(next, { replace: true });
  };
  const only = (actor: string): void => {
    change("actor", actor);
  };
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(audit(useClient(), filters.toString()));
  const rows = data?.pages.flatMap((page) => page.rows) ?? [];
  return (
    <div className={css["page"]}>
      <header className={css["head"]}>
        <PageTitle name={say("audit.title")} />
        <p>{say("audit.lead")}</p>
      </header>
      <div className={css["tools"]}>
        {FILTERS.map((name) => {
          const given = { value: params.get(name) ?? "", change: (value: string) => { change(name, value); } };
          return name === "action" ? <Done key={name} {...given} /> : <Field key={name} name={name} {...given} />;
        })}
        <Export format="csv" filters={filters} />
        <Export format="jsonl" filters={filters} />
      </div>
      {error !== null && <Failure failure={error} again={() => void refetch()} />}
      {data === undefined && error === null && <Loading lines={12} />}
      {data !== undefined && rows.length === 0 && <Empty title={say("audit.empty")} />}
      {rows.length > 0 && <Entries rows={rows} only={only} />}
      {hasNextPage && (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {say("audit.more")}
        </Button>
      )}
    </div>
  );
}

interface Given {
  readonly value: string;
  readonly change: (value: string) => void;
}

/** What was done, in words; a link may name what there are no words for. */
function Done({ value, change }: Given) {
  const { say, sayOr, language } = useSpeech();
  const known = ACTIONS.includes(value) || value === "" ? ACTIONS : [value, ...ACTIONS];
  const data = known.map((one) => ({ value: one, label: sayOr(`action.${one}`, escaped(one)) }));
  return (
    <Select
      size="xs"
      label={say(NAMES.action)}
      searchable
      clearable
      value={value === "" ? null : value}
      data={data.sort((one, other) => one.label.localeCompare(other.label, language))}
      onChange={(chosen) => { change(chosen ?? ""); }}
    />
  );
}

function Field({ name, value, change }: Given & { readonly name: Filter }) {
  const { say } = useSpeech();
  const { text, type, done } = useTyped(value, change);
  const isDay = name === "since" || name === "until";
  return (
    <TextInput
      size="xs"
      label={say(NAMES[name])}
      type={isDay ? "date" : "text"}
      value={text}
      onChange={({ currentTarget }) => { type(currentTarget.value); }}
      onBlur={done}
    />
  );
}

function Export({ format, filters }: { readonly format: "csv" | "jsonl"; readonly filters: URLSearchParams }) {
  const { say } = useSpeech();
  const client = useClient();
  const exporting = useMutation({
    mutationFn: async () => {
      const all = new URLSearchParams([...filters, ["format", format]]);
      const address = URL.createObjectURL(await client.download(`/hitl/audit?${all.toString()}`));
      const link = Object.assign(document.createElement("a"), { href: address, download: `audit.${format}` });
      link.click();
      URL.revokeObjectURL(address);
    },
  });
  return (
    <>
      <Button size="xs" variant="default" loading={exporting.isPending} onClick={() => { exporting.mutate(); }}>
        {say(`audit.export.${format}`)}
      </Button>
      {exporting.error !== null && <span role="alert">{escaped(exporting.error.message)}</span>}
    </>
  );
}

/** Who it was; a click leaves only what they did. */
function Actor({ subject, only }: { readonly subject: string; readonly only: (actor: string) => void }) {
  const { say } = useSpeech();
  const who = useNames(subject)(subject);
  return (
    <button type="button" className={css["actor"]} aria-label={say("audit.only", { who })} title={escaped(subject)} onClick={() => { only(subject); }}>
      <bdi>{who}</bdi>
    </button>
  );
}

function Entries({ rows, only }: { readonly rows: readonly AuditEntry[]; readonly only: (actor: string) => void }) {
  const { say, sayOr } = useSpeech();
  return (
    <div className={css["scroll"]} tabIndex={0} role="region" aria-label={say("audit.title")}>
      <table className={`${table["wide"] ?? ""} ${css["table"] ?? ""}`}>
        <thead>
          <tr>
            <th scope="col">{say("audit.at")}</th>
            <th scope="col">{say("audit.actor")}</th>
            <th scope="col">{say("audit.role")}</th>
            <th scope="col">{say("audit.action")}</th>
            <th scope="col">{say("audit.patch")}</th>
            <th scope="col">{say("audit.version")}</th>
            <th scope="col">{say("audit.words")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one, index) => (
            <tr key={index}>
              <td>
                <Moment at={one.at} as="second" />
              </td>
              <td>
                <Actor subject={one.actor} only={only} />
              </td>
              <td>{one.role}</td>
              <td>{sayOr(`action.${one.action}`, one.action.replaceAll("_", " "))}</td>
              <td>
                {one.patch_id !== null && (
                  <Link href={toPatch(one.patch_id, PLAIN)} className="mono">
                    <Foreign text={one.patch_id} />
                  </Link>
                )}
              </td>
              <td>{one.policy_version}</td>
              <td>{one.justification !== null && <Foreign text={one.justification} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
