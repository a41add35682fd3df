/** Other patches that bear on this one, and what became of them. */

import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";

import type { Related as Other } from "../api/types";
import { Chip, Foreign, Moment } from "../design/piece";
import { toPatch, useView } from "../place";
import { useSpeech } from "../words/words";
import { Entries, Entry } from "./entries";

const SHOWN = 5;

export function Related({ related }: { readonly related: readonly Other[] }) {
  const { say, sayOr } = useSpeech();
  const [view] = useView();
  const [all, setAll] = useState(false);
  const hidden = all ? 0 : Math.max(0, related.length - SHOWN);
  return (
    <Entries>
      {related.slice(0, related.length - hidden).map((one) => (
        <Entry key={one.patch_id}>
          <Link href={toPatch(one.patch_id, view)}>
            <Foreign text={one.patch_id} />
          </Link>
          <span>
            <Chip tone={one.state === "approved" ? "good" : one.state === "rejected" || one.state === "revoked" ? "bad" : "plain"}>
              {sayOr(`state.${one.state}`, one.state)}
            </Chip>{" "}
            <Moment at={one.at} as="relative" /> · {one.same.map((what) => say(`card.same.${what}`)).join(", ")}
          </span>
        </Entry>
      ))}
      {hidden > 0 && (
        <li>
          <Button size="compact-xs" variant="default" onClick={() => { setAll(true); }}>
            {say("card.related.more", { count: hidden })}
          </Button>
        </li>
      )}
    </Entries>
  );
}
