/** One review in the queue: what it is, why it is here, how long there is. */

import { memo } from "react";
import { Link } from "wouter";

import type { Review } from "../api/types";
import { Decided } from "../decide/decided";
import { type Outgoing, isGivenBack } from "../decide/outgoing";
import { escaped } from "../design/hidden";
import { Chip, Foreign, Grade, Moment } from "../design/piece";
import { useNow } from "../design/use-now";
import type { Decision } from "../live/changes";
import { useNames } from "../people/use-people";
import { useMe } from "../session/use-session";
import { useSpeech } from "../words/words";
import { isClose } from "./deadline";
import css from "./row.module.css";

const REASONS_MAX = 2;

interface Props {
  readonly review: Review;
  readonly to: string;
  readonly decision: Decision | null;
  readonly outgoing: Outgoing | null;
  readonly isCurrent: boolean;
  /** Null where nothing can be selected. */
  readonly selected: boolean | null;
  readonly index: number;
  /** These two are the same functions for every row and every time, so that a row is only drawn when something of it changed. */
  readonly select: (index: number, patchId: string, isRange: boolean) => void;
  readonly focused: (index: number, patchId: string) => void;
}

export const Row = memo(function Row({ review, to, decision, outgoing, isCurrent, selected, index, select, focused }: Props) {
  const { say } = useSpeech();
  const id = review.patch_id;
  const [first, ...others] = review.reasons;
  return (
    <div className={css["row"]} data-current={isCurrent} data-decided={decision !== null}>
      {selected === null ? (
        <span />
      ) : (
        <input
          type="checkbox"
          className={css["box"]}
          aria-label={`${say("keys.select")} ${escaped(id)}`}
          checked={selected}
          tabIndex={isCurrent ? 0 : -1}
          onChange={() => undefined}
          onClick={({ shiftKey }) => { select(index, id, shiftKey); }}
        />
      )}
      <span className={css["grade"]}>
        <Grade value={review.severity} of="severity" />
        <span className={`${css["soft"] ?? ""} ${css["wide"] ?? ""}`} title={say("turn.priority", { sum: review.priority, ...review.priority_factors })}>
          {say("turn.priority.short", { sum: review.priority })}
        </span>
      </span>
      <Link href={to} className={css["name"] ?? ""} tabIndex={isCurrent ? 0 : -1} onFocus={() => { focused(index, id); }}>
        <span className={css["what"]}>
          <span className={css["id"]}>
            <Foreign text={id} />
          </span>
          <span className={css["soft"]}>
            <Foreign text={[review.package, review.cve_id, review.ecosystem].filter((one) => one !== null).join(" · ")} />
          </span>
        </span>
        {review.summary !== null && (
          <span className={css["summary"]}>
            <Foreign text={review.summary} />
          </span>
        )}
      </Link>
      <span className={css["reasons"]}>
        {[first, ...others.slice(0, REASONS_MAX - 1)].flatMap((rule) =>
          rule === undefined ? [] : [
            <Chip key={rule.rule} tone={rule.outcome === "failed" ? "bad" : "doubt"} title={escaped(rule.detail)}>
              {rule.rule.replaceAll("_", " ")}
              {rule.detail !== "" && <span className={css["detail"]}> {escaped(rule.detail)}</span>}
            </Chip>,
          ],
        )}
        {review.reasons.length > REASONS_MAX && <Chip>+{review.reasons.length - REASONS_MAX}</Chip>}
      </span>
      <Standing review={review} decision={decision} outgoing={outgoing} />
    </div>
  );
});

function Standing({ review, decision, outgoing }: Pick<Props, "review" | "decision" | "outgoing">) {
  const { say } = useSpeech();
  const me = useMe();
  const nameOf = useNames(review.claimed_by, ...review.approvals);
  const now = useNow();
  if (outgoing !== null && !isGivenBack(outgoing.stage)) {
    const waits = outgoing.stage.kind === "waiting";
    return (
      <span className={css["standing"]}>
        <Chip tone={outgoing.stage.kind === "done" ? "good" : "doubt"}>
          {say(`decide.${outgoing.wish.action}`)}
          {waits && ` · ${say("decide.not_sent")}`}
        </Chip>
      </span>
    );
  }
  if (decision !== null) {
    return (
      <span className={css["standing"]}>
        <Chip tone={decision.decision === "approved" ? "good" : "bad"}>
          <Decided decision={decision} />
        </Chip>
      </span>
    );
  }
  return (
    <span className={css["standing"]}>
      {review.claimed_by !== null && (
        <Chip tone={review.claimed_by === me.subject ? "info" : "plain"}>
          {review.claimed_by === me.subject ? say("turn.held_by_me") : say("turn.held_by", { person: nameOf(review.claimed_by) })}
        </Chip>
      )}
      {(review.approvals_required > 1 || review.approvals.length > 0) && (
        <Chip title={review.approvals.map(nameOf).join(", ")}>{say("turn.approvals", { given: review.approvals.length, needed: review.approvals_required })}</Chip>
      )}
      {review.synthetic && <Chip>{say("turn.synthetic")}</Chip>}
      <span className={css["deadline"]} data-close={isClose(review, now)}>
        <Moment at={review.expires_at} as="relative" />
      </span>
    </span>
  );
}
