/** Names of people for every part of the console. */

import { createContext, useContext, useEffect, useSyncExternalStore } from "react";

import { escaped } from "../design/hidden";
import css from "../design/piece.module.css";
import type { People } from "./people";

export const PeopleContext = createContext<People | null>(null);

/** What these are called, once that is known. */
export function useNames(...subjects: readonly (string | null | undefined)[]): (subject: string) => string {
  const people = useContext(PeopleContext);
  if (people === null) throw new Error("no people around");
  const names = useSyncExternalStore(people.subscribe, people.known);
  const wanted = JSON.stringify(subjects);
  useEffect(() => {
    people.want((JSON.parse(wanted) as readonly (string | null)[]).filter((subject) => subject !== null));
  }, [people, wanted]);
  return (subject) => names.get(subject) ?? escaped(subject);
}

/** Somebody by name, by id on hover. */
export function Named({ subject }: { readonly subject: string }) {
  const nameOf = useNames(subject);
  return (
    <bdi className={css["foreign"]} title={escaped(subject)}>
      {nameOf(subject)}
    </bdi>
  );
}
